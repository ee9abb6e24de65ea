"""What people do with what is kept out: look, export, correct, waive, judge again. Entering it there is `kept_out`."""
