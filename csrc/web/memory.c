/* Memory that is taken at loading and freed together, and the words of the last error. */
#include <stdarg.h>
#include <string.h>

#include "web/parts.h"

enum { LINE = 64, MESSAGE = 300 };

struct pw_block {
    struct pw_block *next;
    char pad[LINE - sizeof(void *)]; /* the memory itself follows, at a multiple of LINE */
};

static int failed;
static char message[MESSAGE];

void *pw_take(pw_arena *arena, size_t count, size_t size) {
    if (size && count > (SIZE_MAX - sizeof(struct pw_block)) / size) {
        pw_fail(PW_NO_MEMORY, "more memory than there is");
        return NULL;
    }
    const size_t bytes = count * size;
    struct pw_block *block = pw_alloc(sizeof *block + bytes);
    if (!block) {
        pw_fail(PW_NO_MEMORY, "no memory for %d kB more", (int)(bytes >> 10));
        return NULL;
    }
    memset(block + 1, 0, bytes);
    block->next = arena->blocks;
    arena->blocks = block;
    arena->bytes += bytes;
    return block + 1;
}

void pw_release(pw_arena *arena) {
    while (arena->blocks) {
        struct pw_block *next = arena->blocks->next;
        pw_free(arena->blocks);
        arena->blocks = next;
    }
    arena->bytes = 0;
}

void pw_begin_call(void) { failed = 0; }
int pw_failed(void) { return failed; }
const char *pw_error(void) { return message; }

static size_t put(size_t at, const char *text, size_t n) {
    for (size_t i = 0; i < n && at < MESSAGE - 1; i++) message[at++] = text[i];
    return at;
}

int pw_fail(int status, const char *format, ...) {
    if (failed) return failed;
    va_list values;
    va_start(values, format);
    size_t at = 0;
    for (; *format; format++) {
        char digits[16];
        size_t n = 0;
        if (*format != '%') {
            at = put(at, format, 1);
        } else if (*++format == 's') {
            const char *text = va_arg(values, const char *);
            at = put(at, text, strlen(text));
        } else {
            long long value = va_arg(values, int);
            const int negative = value < 0;
            if (negative) value = -value;
            do digits[sizeof digits - ++n] = (char)('0' + value % 10), value /= 10;
            while (value);
            if (negative) digits[sizeof digits - ++n] = '-';
            at = put(at, digits + sizeof digits - n, n);
        }
    }
    va_end(values);
    message[at] = 0;
    return failed = status;
}
