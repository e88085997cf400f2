"""What is fuzzed, one module a target."""
