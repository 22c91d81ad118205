/* The functions that every event pays for, in C. Optional: see protocol/native.py.
 *
 * Each has a twin in Python that says what it does; the tests run both, and compare them. Nothing
 * is decided here that is not decided there, and nothing is kept between two calls.
 *
 * Sizes are checked before each read. No input makes these raise, but an argument of another type.
 */
#define PY_SSIZE_T_CLEAN
#include <Python.h>
#include <stdint.h>
#include <string.h>

#ifndef SOURCE
#define SOURCE ""
#endif

typedef const uint8_t *bytes_t;

/* Arguments. */

static int
is_bytes(PyObject *value)
{
    if (PyBytes_Check(value))
        return 1;
    PyErr_Format(PyExc_TypeError, "bytes expected, not %.80s", Py_TYPE(value)->tp_name);
    return 0;
}

static int
has_count(Py_ssize_t given, Py_ssize_t wanted)
{
    if (given == wanted)
        return 1;
    PyErr_Format(PyExc_TypeError, "%zd arguments expected, not %zd", wanted, given);
    return 0;
}

static bytes_t
bytes_of(PyObject *value)
{
    return (bytes_t)PyBytes_AS_STRING(value);
}

/* Frames in: hub/socket/framing.py. */

#define WHOLE_TEXT 0x81
#define MASKED 0x80
#define IN_TWO 126
#define IN_EIGHT 127
#define RUN 256 /* most messages that are cut at once */

/* Writes `size` unmasked bytes; says whether all are ASCII. Eight at a time, the mask twice. */
static int
unmask_into(uint8_t *to, bytes_t from, Py_ssize_t size, bytes_t mask)
{
    uint64_t key, word, seen = 0;
    Py_ssize_t at = 0;

    memcpy(&key, mask, 4);
    memcpy((uint8_t *)&key + 4, mask, 4);
    for (; size - at >= 8; at += 8) {
        memcpy(&word, from + at, 8);
        word ^= key;
        seen |= word;
        memcpy(to + at, &word, 8);
    }
    for (; at < size; at++) {
        to[at] = from[at] ^ mask[at & 3];
        seen |= to[at];
    }
    return !(seen & 0x8080808080808080u);
}

/* Where the payload of the whole text frame at `at` begins; 0 when there is none in its shortest
 * form, of at most 65535 bytes. `left` bytes are there. */
static Py_ssize_t
text_at(bytes_t at, Py_ssize_t left, Py_ssize_t *size)
{
    Py_ssize_t length, start = 6;

    if (left < 6 || at[0] != WHOLE_TEXT || at[1] < MASKED)
        return 0;
    length = at[1] - MASKED;
    if (length > IN_TWO)
        return 0;
    if (length == IN_TWO) {
        length = (Py_ssize_t)at[2] << 8 | at[3];
        start = 8;
        if (length < IN_TWO)
            return 0;
    }
    *size = length;
    return left >= start && length <= left - start ? start : 0;
}

/* 1: UTF-8; 0: not; -1: an exception is set. */
static int
is_utf8(PyObject *message)
{
    PyObject *text = PyUnicode_DecodeUTF8(
        PyBytes_AS_STRING(message), PyBytes_GET_SIZE(message), NULL);

    if (text != NULL) {
        Py_DECREF(text);
        return 1;
    }
    if (!PyErr_ExceptionMatches(PyExc_UnicodeDecodeError))
        return -1;
    PyErr_Clear();
    return 0;
}

/* 1: appended; 0: not UTF-8; -1: an exception is set. */
static int
append_text(PyObject *messages, bytes_t payload, Py_ssize_t size)
{
    PyObject *message = PyBytes_FromStringAndSize(NULL, size);
    int good;

    if (message == NULL)
        return -1;
    good = unmask_into((uint8_t *)PyBytes_AS_STRING(message), payload, size, payload - 4)
        || size == 0 ? 1 : is_utf8(message);
    if (good == 1 && PyList_Append(messages, message) < 0)
        good = -1;
    Py_DECREF(message);
    return good;
}

static PyObject *
whole_texts(PyObject *module, PyObject *const *args, Py_ssize_t count)
{
    Py_ssize_t at, limit, end, start, size = 0;
    PyObject *messages;
    bytes_t data;
    int good = 1;

    (void)module;
    if (!has_count(count, 3) || !is_bytes(args[0]))
        return NULL;
    at = PyLong_AsSsize_t(args[1]);
    limit = PyLong_AsSsize_t(args[2]);
    if (PyErr_Occurred())
        return NULL;
    data = bytes_of(args[0]);
    end = PyBytes_GET_SIZE(args[0]);
    messages = PyList_New(0);
    if (messages == NULL)
        return NULL;
    while (at >= 0 && at < end && PyList_GET_SIZE(messages) < RUN) {
        start = text_at(data + at, end - at, &size);
        if (start == 0 || size > limit)
            break;
        good = append_text(messages, data + at + start, size);
        if (good != 1)
            break;
        at += start + size;
    }
    if (good < 0) {
        Py_DECREF(messages);
        return NULL;
    }
    return Py_BuildValue("(Nn)", messages, at);
}

static PyObject *
unmask(PyObject *module, PyObject *const *args, Py_ssize_t count)
{
    Py_ssize_t start, stop;
    PyObject *payload;

    (void)module;
    if (!has_count(count, 3) || !is_bytes(args[0]))
        return NULL;
    start = PyLong_AsSsize_t(args[1]);
    stop = PyLong_AsSsize_t(args[2]);
    if (PyErr_Occurred())
        return NULL;
    if (start < 4 || stop < start || stop > PyBytes_GET_SIZE(args[0])) {
        PyErr_SetString(PyExc_ValueError, "no payload with a mask before it");
        return NULL;
    }
    payload = PyBytes_FromStringAndSize(NULL, stop - start);
    if (payload != NULL) {
        bytes_t from = bytes_of(args[0]) + start;
        unmask_into((uint8_t *)PyBytes_AS_STRING(payload), from, stop - start, from - 4);
    }
    return payload;
}

/* What cannot be stored: protocol/codec.py. */

#define LONG_NUMBER 19
#define MAX_DEPTH 256

static int
is_digit(uint8_t c)
{
    return (uint8_t)(c - '0') <= 9;
}

static int
is_before_number(uint8_t c)
{
    return c == ':' || c == ',' || c == '[' || c == '-' || c == ' ' || c == '\t' || c == '\r'
        || c == '\n';
}

static int
has_nul(bytes_t raw, Py_ssize_t size)
{
    bytes_t at = raw, end = raw + size;

    while (end - at >= 6 && (at = memchr(at, '\\', (size_t)(end - at - 5))) != NULL) {
        if (memcmp(at, "\\u0000", 6) == 0)
            return 1;
        at++;
    }
    return 0;
}

/* So many digits in a row cover one of every so many places: the others need no look. */
static int
has_long_number(bytes_t raw, Py_ssize_t size)
{
    Py_ssize_t at, start, stop;

    for (at = LONG_NUMBER - 1; at < size; at += LONG_NUMBER) {
        if (!is_digit(raw[at]))
            continue;
        for (start = at; start > 0 && is_digit(raw[start - 1]); start--)
            ;
        for (stop = at + 1; stop < size && is_digit(raw[stop]); stop++)
            ;
        if (stop - start >= LONG_NUMBER && start > 0 && is_before_number(raw[start - 1]))
            return 1;
        at = stop; /* no digit: the next row begins behind it */
    }
    return 0;
}

static int
may_be_deep(bytes_t raw, Py_ssize_t size)
{
    Py_ssize_t at, opened = 0;

    for (at = 0; at < size; at++)
        opened += (raw[at] == '{') + (raw[at] == '[');
    return opened > MAX_DEPTH;
}

static PyObject *
may_be_unstorable(PyObject *module, PyObject *arg)
{
    bytes_t raw;
    Py_ssize_t size;

    (void)module;
    if (!is_bytes(arg))
        return NULL;
    raw = bytes_of(arg);
    size = PyBytes_GET_SIZE(arg);
    return PyBool_FromLong(
        has_nul(raw, size) || has_long_number(raw, size)
        || (size > 2 * MAX_DEPTH && may_be_deep(raw, size)));
}

/* Frames out: an event with its place in the stream (protocol/codec.py), and the frame around a
 * text (hub/socket/framing.py). */

#define MOST_DIGITS 20
#define EPOCH ",\"epoch\":\""
#define OFFSET "\",\"offset\":"

static uint8_t *
put(uint8_t *to, const void *from, Py_ssize_t size)
{
    memcpy(to, from, (size_t)size);
    return to + size;
}

/* The decimal digits of `number`, at the end of `digits`; how many characters they are. */
static Py_ssize_t
decimal(long long number, uint8_t digits[MOST_DIGITS])
{
    unsigned long long left = (unsigned long long)number;
    Py_ssize_t at = MOST_DIGITS;

    if (number < 0)
        left = 0 - left;
    do {
        digits[--at] = (uint8_t)('0' + left % 10);
        left /= 10;
    } while (left != 0);
    if (number < 0)
        digits[--at] = '-';
    return MOST_DIGITS - at;
}

static PyObject *
at_offset(PyObject *module, PyObject *const *args, Py_ssize_t count)
{
    uint8_t digits[MOST_DIGITS], *to;
    Py_ssize_t size, epoch_size, digits_size;
    const char *epoch;
    long long offset;
    PyObject *text;

    (void)module;
    if (!has_count(count, 3) || !is_bytes(args[0]))
        return NULL;
    epoch = PyUnicode_AsUTF8AndSize(args[1], &epoch_size);
    if (epoch == NULL)
        return NULL;
    offset = PyLong_AsLongLong(args[2]);
    if (offset == -1 && PyErr_Occurred())
        return NULL;
    size = PyBytes_GET_SIZE(args[0]);
    size -= size > 0;
    digits_size = decimal(offset, digits);
    text = PyBytes_FromStringAndSize(
        NULL, size + (Py_ssize_t)sizeof EPOCH - 1 + epoch_size + (Py_ssize_t)sizeof OFFSET - 1
            + digits_size + 1);
    if (text == NULL)
        return NULL;
    to = put((uint8_t *)PyBytes_AS_STRING(text), PyBytes_AS_STRING(args[0]), size);
    to = put(to, EPOCH, sizeof EPOCH - 1);
    to = put(to, epoch, epoch_size);
    to = put(to, OFFSET, sizeof OFFSET - 1);
    to = put(to, digits + MOST_DIGITS - digits_size, digits_size);
    *to = '}';
    return text;
}

static PyObject *
text_frame(PyObject *module, PyObject *payload)
{
    uint8_t head[10] = {WHOLE_TEXT};
    Py_ssize_t size, head_size = 2, at;
    PyObject *frame;

    (void)module;
    if (!is_bytes(payload))
        return NULL;
    size = PyBytes_GET_SIZE(payload);
    if (size < IN_TWO)
        head[1] = (uint8_t)size;
    else {
        head_size = size < 1 << 16 ? 4 : 10;
        head[1] = head_size == 4 ? IN_TWO : IN_EIGHT;
        for (at = 2; at < head_size; at++)
            head[at] = (uint8_t)((uint64_t)size >> 8 * (head_size - 1 - at));
    }
    frame = PyBytes_FromStringAndSize(NULL, head_size + size);
    if (frame != NULL)
        put(put((uint8_t *)PyBytes_AS_STRING(frame), head, head_size),
            PyBytes_AS_STRING(payload), size);
    return frame;
}

/* Rows as COPY text: hub/telemetry/rows.py. The lines of all tables are made alike: a head, two times,
 * and columns, where None is NULL and bytes are JSON. */

#define MOST_COLUMNS 8

struct column {
    bytes_t from;
    Py_ssize_t size;
    int is_json; /* has no raw control characters */
    uint8_t digits[MOST_DIGITS];
};

/* What stands behind the backslash in place of `c`; 0: it stands for itself. */
static uint8_t
escaped(uint8_t c, int is_json)
{
    if (c > '\\' || (c < '\\' && c > '\r'))
        return 0;
    if (c == '\\')
        return c;
    if (is_json)
        return 0;
    return c == '\t' ? 't' : c == '\n' ? 'n' : c == '\r' ? 'r' : 0;
}

/* 0, or -1: an exception is set. NULL is an empty `from`. */
static int
read_column(PyObject *value, struct column *column)
{
    long long number;

    column->from = NULL;
    column->size = column->is_json = 0;
    if (value == Py_None)
        return 0;
    if (PyBytes_Check(value)) {
        column->from = bytes_of(value);
        column->size = PyBytes_GET_SIZE(value);
        column->is_json = 1;
    } else if (PyUnicode_Check(value)) {
        column->from = (bytes_t)PyUnicode_AsUTF8AndSize(value, &column->size);
    } else if (PyLong_Check(value)) {
        number = PyLong_AsLongLong(value);
        if (number == -1 && PyErr_Occurred())
            return -1;
        column->size = decimal(number, column->digits);
        column->from = column->digits + MOST_DIGITS - column->size;
    } else {
        PyErr_Format(PyExc_TypeError, "no column: %.80s", Py_TYPE(value)->tp_name);
    }
    return column->from == NULL ? -1 : 0;
}

static Py_ssize_t
size_of_column(const struct column *column)
{
    Py_ssize_t at, size = column->size;

    if (column->from == NULL)
        return 2;
    for (at = 0; at < column->size; at++)
        size += escaped(column->from[at], column->is_json) != 0;
    return size;
}

static uint8_t *
put_column(uint8_t *to, const struct column *column, Py_ssize_t size)
{
    Py_ssize_t at;
    uint8_t sign;

    if (column->from == NULL)
        return put(to, "\\N", 2);
    if (size == column->size)
        return put(to, column->from, size);
    for (at = 0; at < column->size; at++) {
        sign = escaped(column->from[at], column->is_json);
        if (sign != 0)
            *to++ = '\\';
        *to++ = sign != 0 ? sign : column->from[at];
    }
    return to;
}

static PyObject *
copy_line(PyObject *module, PyObject *const *args, Py_ssize_t count)
{
    struct column columns[MOST_COLUMNS];
    Py_ssize_t sizes[MOST_COLUMNS], at, total, head_size, received_size;
    const char *received;
    PyObject *line;
    uint8_t *to;

    (void)module;
    if (count < 2 || count - 2 > MOST_COLUMNS) {
        PyErr_Format(PyExc_TypeError, "2 to %d arguments expected", 2 + MOST_COLUMNS);
        return NULL;
    }
    if (!is_bytes(args[0]))
        return NULL;
    head_size = PyBytes_GET_SIZE(args[0]);
    received = PyUnicode_AsUTF8AndSize(args[1], &received_size);
    if (received == NULL)
        return NULL;
    total = head_size + 1 + received_size + 3 + 1;
    for (at = 0; at < count - 2; at++) {
        if (read_column(args[2 + at], &columns[at]) < 0)
            return NULL;
        sizes[at] = size_of_column(&columns[at]);
        total += 1 + sizes[at];
    }
    line = PyBytes_FromStringAndSize(NULL, total);
    if (line == NULL)
        return NULL;
    to = put((uint8_t *)PyBytes_AS_STRING(line), PyBytes_AS_STRING(args[0]), head_size);
    *to++ = '\t';
    to = put(put(to, received, received_size), "+00", 3);
    for (at = 0; at < count - 2; at++) {
        *to++ = '\t';
        to = put_column(to, &columns[at], sizes[at]);
    }
    *to = '\n';
    return line;
}

static PyMethodDef functions[] = {
    {"event_line", (PyCFunction)(void (*)(void))copy_line, METH_FASTCALL, NULL},
    {"status_line", (PyCFunction)(void (*)(void))copy_line, METH_FASTCALL, NULL},
    {"log_line", (PyCFunction)(void (*)(void))copy_line, METH_FASTCALL, NULL},
    {"at_offset", (PyCFunction)(void (*)(void))at_offset, METH_FASTCALL, NULL},
    {"text_frame", text_frame, METH_O, NULL},
    {"whole_texts", (PyCFunction)(void (*)(void))whole_texts, METH_FASTCALL, NULL},
    {"unmask", (PyCFunction)(void (*)(void))unmask, METH_FASTCALL, NULL},
    {"may_be_unstorable", may_be_unstorable, METH_O, NULL},
    {NULL, NULL, 0, NULL},
};

static int
fill(PyObject *module)
{
    return PyModule_AddStringConstant(module, "SOURCE", SOURCE);
}

static PyModuleDef_Slot slots[] = {
    {Py_mod_exec, fill},
    {0, NULL},
};

static struct PyModuleDef definition = {
    PyModuleDef_HEAD_INIT,
    .m_name = "protocol._native",
    .m_size = 0,
    .m_methods = functions,
    .m_slots = slots,
};

PyMODINIT_FUNC
PyInit__native(void)
{
    return PyModuleDef_Init(&definition);
}
