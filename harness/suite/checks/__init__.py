"""What a suite of the right form can still have wrong."""
