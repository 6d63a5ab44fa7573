"""What programs write into a card: one module per spec, all brought to the fields of V2."""
