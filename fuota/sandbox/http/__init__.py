"""The HTTP interface of the sandbox: the calls of the Application API, their parameters, bodies and answers."""
