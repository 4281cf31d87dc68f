class InputError(ValueError):
    """A file, a setting or an argument that mmboxcaseg refuses.

    The message names the file and the entry, says what is wrong and what to
    do. Programs print it without a traceback; any other error is a bug and
    keeps its traceback.
    """
