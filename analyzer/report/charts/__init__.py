import logging

logging.getLogger("matplotlib").addHandler(logging.NullHandler())  # else it prints what becomes of its caches
