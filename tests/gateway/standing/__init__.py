"""What is asked and refused at a gateway that stands."""
