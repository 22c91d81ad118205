/* What libFuzzer calls: each input goes through the C and through its twin in Python.
 * The C is compiled into this with the sanitizers; see tests/bench/fuzz/run.py. */
#include "../../../protocol/_native.c"

static PyObject *check, *compiled;

int
LLVMFuzzerInitialize(int *argc, char ***argv)
{
    PyObject *oracle;

    (void)argc;
    (void)argv;
    if (PyImport_AppendInittab("_native", PyInit__native) < 0)
        return 1;
    Py_InitializeEx(0);
    compiled = PyImport_ImportModule("_native");
    oracle = PyImport_ImportModule("tests.bench.fuzz.oracle");
    check = oracle == NULL ? NULL : PyObject_GetAttrString(oracle, "check");
    if (compiled == NULL || check == NULL) {
        PyErr_Print();
        abort();
    }
    return 0;
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    PyObject *done = PyObject_CallFunction(
        check, "Oy#", compiled, (const char *)data, (Py_ssize_t)size);

    if (done == NULL) {
        PyErr_Print();
        abort();
    }
    Py_DECREF(done);
    return 0;
}
