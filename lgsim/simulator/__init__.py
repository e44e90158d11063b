"""Programs of commands, the engines that run them, timelines, and the schedule sanitizer."""
