"""Child processes, temp folders and ports of ours, and the promise that none is left behind."""
