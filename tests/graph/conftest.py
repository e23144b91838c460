from hypothesis import settings

# Machines that run tests are busy; how long an example takes says nothing there.
settings.register_profile("ventralrnn", deadline=None)
settings.load_profile("ventralrnn")
