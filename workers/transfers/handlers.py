"""What can be done with transfers."""

from contracts.transfers import CompleteTransfer, FailTransfer, RequestTransfer, TransferView
from workers.runtime.handlers import Handlers
from workers.runtime.needs import rows
from workers.runtime.unit_of_work import UnitOfWork
from workers.sagas.transfer_money import TransferMoney
from workers.transfers.rules import Transfer

handlers = Handlers("transfers")


@handlers.command(RequestTransfer, finished_by=TransferMoney)
def request_transfer(command: RequestTransfer, uow: UnitOfWork) -> None:
    """Record the intent; the `TransferMoney` saga moves the money. Raises `SelfTransfer`."""
    transfer = Transfer.request(command, by=uow.caller, at=uow.now, key=uow.id("trf"))
    uow.add(transfer)
    uow.emit(transfer.requested())


@handlers.command(CompleteTransfer, needs=lambda c: [rows(Transfer, c.transfer_id)])
def complete_transfer(command: CompleteTransfer, uow: UnitOfWork) -> TransferView:
    """The money has moved: say so, and to whom."""
    transfer = uow.get(Transfer, command.transfer_id)
    completed = transfer.complete(command, at=uow.now)
    view = completed.view()
    if completed is not transfer:
        uow.save(completed)
        uow.emit(completed.completed(view))
    return view


@handlers.command(FailTransfer, needs=lambda c: [rows(Transfer, c.transfer_id)])
def fail_transfer(command: FailTransfer, uow: UnitOfWork) -> TransferView:
    """No money has moved: say so, and why."""
    transfer = uow.get(Transfer, command.transfer_id)
    failed = transfer.fail(command, at=uow.now)
    view = failed.view()
    if failed is not transfer:
        uow.save(failed)
        uow.emit(failed.failed(view))
    return view
