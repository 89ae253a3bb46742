"""What every stage may use: engines, files, interrupts, bundled resources."""
