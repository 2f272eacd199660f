"""What a device does with each application package."""
