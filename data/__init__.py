"""Files that ship with ventralrnn; :func:`ventralrnn.resources.data_dir` says where they lie."""
