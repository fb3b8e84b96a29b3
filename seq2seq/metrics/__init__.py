"""What is measured of a model's outputs, and which of two validations is the better one."""
