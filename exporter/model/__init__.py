"""What is known of a pair, as pure values and rules: observations, metrics, addresses, errors."""
