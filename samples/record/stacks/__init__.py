"""TCP stacks other than the kernel's: a small program for each, which is an application and its stack in one."""
