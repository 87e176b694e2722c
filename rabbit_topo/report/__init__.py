"""What people and programs are shown: pure functions from values to lines of text or to JSON documents."""
