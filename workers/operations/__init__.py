"""Operations: the durable answer behind every 202."""
