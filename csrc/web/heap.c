/* pw_alloc and pw_free. In WebAssembly a list of what is free, in order of address: a general allocator rounds a bundle
 * of a hundred megabytes up to the next power of two. Elsewhere the C library's. */
#include <stdlib.h>

#include "web/parts.h"

enum { LINE = 64 };

#ifndef __wasm__

void *pw_alloc(size_t bytes) {
    return bytes > SIZE_MAX / 2 ? NULL : aligned_alloc(LINE, (bytes / LINE + 1) * LINE);
}

void pw_free(void *memory) { free(memory); }

#else

enum { PAGE = 65536 };

typedef struct piece {
    size_t bytes;       /* with this line, which stands in front of what was asked for */
    struct piece *next; /* the next free one, at a higher address */
    char pad[LINE - 2 * sizeof(void *)];
} piece;

extern char __heap_base;
static piece *first_free, *end; /* end: of what was taken from the engine so far */

/* Puts a piece among the free ones, one with its neighbours. */
static void give(piece *p) {
    piece **at = &first_free, *before = NULL;
    while (*at && *at < p) before = *at, at = &before->next;
    p->next = *at;
    *at = p;
    if (p->next && (char *)p + p->bytes == (char *)p->next) p->bytes += p->next->bytes, p->next = p->next->next;
    if (before && (char *)before + before->bytes == (char *)p) before->bytes += p->bytes, before->next = p->next;
}

/* `bytes` more at the end. 0 if the engine has none. */
static int grow(size_t bytes) {
    if (!end) { /* what lies behind the stack and the data */
        const uintptr_t from = ((uintptr_t)&__heap_base + LINE - 1) / LINE * LINE;
        end = (piece *)((uintptr_t)__builtin_wasm_memory_size(0) * PAGE);
        if ((uintptr_t)end > from) {
            ((piece *)from)->bytes = (uintptr_t)end - from;
            give((piece *)from);
        }
    }
    piece *last = first_free;
    while (last && last->next) last = last->next;
    if (last && (char *)last + last->bytes == (char *)end) bytes = bytes > last->bytes ? bytes - last->bytes : 0;
    const size_t pages = (bytes + PAGE - 1) / PAGE;
    if (!pages) return 1;
    if (pages > (SIZE_MAX - (uintptr_t)end) / PAGE) return 0; /* the last page would end beyond every address */
    if (__builtin_wasm_memory_grow(0, pages) == SIZE_MAX) return 0;
    piece *fresh = end;
    fresh->bytes = pages * PAGE;
    end = (piece *)((char *)end + fresh->bytes);
    give(fresh);
    return 1;
}

void *pw_alloc(size_t bytes) {
    if (bytes > SIZE_MAX - PAGE - 2 * LINE) return NULL;
    bytes = (bytes + 2 * LINE - 1) / LINE * LINE;
    for (int again = 0; again < 2; again++) {
        for (piece **at = &first_free; *at; at = &(*at)->next) {
            piece *p = *at, *rest = (piece *)((char *)p + bytes);
            if (p->bytes < bytes) continue;
            *at = p->next;
            if (p->bytes > bytes) {
                rest->bytes = p->bytes - bytes;
                p->bytes = bytes;
                give(rest);
            }
            return p + 1;
        }
        if (!grow(bytes)) return NULL;
    }
    return NULL;
}

void pw_free(void *memory) {
    if (memory) give((piece *)memory - 1);
}

#endif
