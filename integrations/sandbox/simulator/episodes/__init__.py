"""What may happen in the life of a simulated customer."""
