class InputError(ValueError):
    """A file, a setting or an argument that mmboxcaseg refuses.

    The message names the file and the entry, and says what is wrong and how
    to fix it. Programs print it without a traceback. Any other error is a bug
    and keeps its traceback.

    Args:
        message (str): The message.
    """

    def __init__(self, message: str = '') -> None:
        # PyTorch re-raises the error of a data loader worker as the same
        # class, with the printed traceback of the worker as its message.
        marker = f'{InputError.__module__}.{InputError.__qualname__}: '
        super().__init__(str(message).rpartition(marker)[2].rstrip())
