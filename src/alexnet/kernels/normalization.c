/* Response normalization (section 3.3) and its gradient, each in one pass over memory.

   y_i = x_i s_i^-beta with s_i = k + alpha * (sum of x_j^2 over maps i - before ... i + after of the same column)
   dx_i = g_i s_i^-beta - 2 alpha beta x_i * (sum of g_j x_j s_j^(-beta - 1) over maps j whose window holds i)

   Arrays are images x maps x pixels, or images x pixels x maps ("last"), float32 or bfloat16; arithmetic is float32.
   beta is 3/4, for which a power is two square roots and a division. Nothing is kept between the two but x.

   A tile, some pixels of all maps of a column, is worked on while it is in the processor's nearest memory. Every output
   is computed by one thread, in an order that does not depend on how many there are. */

#include <stdlib.h>
#include <string.h>

#include "numbers.h"

#define TILE 64 /* pixels of a tile; where the maps of a pixel lie together, a tile is one pixel */

/* In a tile, the value of the next map lies `step` behind: sums[i] = padded[i] + ... + padded[i + (size - 1) step]. */
INLINE void windows(float *restrict sums, const float *restrict padded, int count, int step, int size) {
    for (int i = 0; i < count; i++) {
        float total = padded[i];
        for (int j = 1; j < size; j++) total += padded[i + j * step];
        sums[i] = total;
    }
}

typedef struct {
    const void *x, *grad; /* grad is null for the forward pass */
    void *out;
    long images, maps, pixels, columns;
    int before, after;
    float k, alpha, beta;
} Task;

/* Memory of a tile, each array with room for the zeros around it. */
typedef struct { float *own, *grad, *padded, *sums; } Room;

INLINE void clear(float *padded, int before, int count, int after) {
    memset(padded, 0, sizeof(float) * before);
    memset(padded + before + count, 0, sizeof(float) * after);
}

/* `rows` rows of `width` values, each beginning `stride` after the one before, at `begin` of the arrays. Inlined with
   `size`, `half` and `step` as constants where it is called, so that sums of a window stay in registers. */
INLINE void tile(const Task *t, const Room *room, long begin, int rows, int width, long stride, int step, int size,
                 int half) {
    float *restrict own = room->own, *restrict grad = room->grad, *restrict sums = room->sums, *inner;
    const int count = rows * width, before = t->before * step, after = t->after * step;
    const float k = t->k, alpha = t->alpha;

    inner = room->padded + before;
    clear(room->padded, before, count, after);
    for (int row = 0; row < rows; row++)
        for (int p = 0; p < width; p++) {
            float value = load(t->x, begin + row * stride + p, half);
            own[row * width + p] = value;
            inner[row * width + p] = value * value;
        }
    windows(sums, room->padded, count, step, size);
    if (!t->grad) {
        for (int row = 0; row < rows; row++)
            for (int p = 0; p < width; p++) {
                int i = row * width + p;
                store(t->out, begin + row * stride + p, own[i] * power(k + alpha * sums[i]), half);
            }
        return;
    }
    /* x_j is in the windows of the maps `after` ahead of it to `before` behind it: the window turned around. */
    inner = room->padded + after;
    clear(room->padded, after, count, before);
    for (int row = 0; row < rows; row++)
        for (int p = 0; p < width; p++) {
            int i = row * width + p;
            float scale = k + alpha * sums[i];
            float direct = load(t->grad, begin + row * stride + p, half) * power(scale);
            grad[i] = direct;
            inner[i] = direct * own[i] / scale;
        }
    windows(sums, room->padded, count, step, size);
    const float twice = 2.0f * alpha * t->beta;
    for (int row = 0; row < rows; row++)
        for (int p = 0; p < width; p++) {
            int i = row * width + p;
            store(t->out, begin + row * stride + p, grad[i] - twice * own[i] * sums[i], half);
        }
}

#define TILE_OF(SIZE, HALF)                                                                                            \
    (last ? tile(t, &room, begin, 1, deep, 0, 1, SIZE, HALF) : tile(t, &room, begin, deep, width, t->pixels, width, SIZE, HALF))

/* 0, or 1 where there was no memory for the tiles. */
int normalize(const Task *t, int half, int last, int threads) {
    const int size = t->before + t->after + 1, deep = (int)(t->maps / t->columns), wide = last ? 1 : TILE;
    const long tiles = (t->pixels + wide - 1) / wide, jobs = t->images * tiles * t->columns;
    const size_t each = ((size_t)(deep + size) * wide + 15) / 16 * 16;
    int failed = 0;
#pragma omp parallel num_threads(threads)
    {
        float *memory = aligned_alloc(64, 4 * each * sizeof(float));
        if (!memory) failed = 1;
        Room room = {memory, memory + each, memory + 2 * each, memory + 3 * each};
#pragma omp for schedule(static)
        for (long job = 0; job < jobs; job++) {
            if (!memory) continue;
            /* Of maps that lie together, a pixel's columns follow one another; else a column's tiles do. */
            long column = last ? job % t->columns : job / tiles % t->columns;
            long place = (last ? job / t->columns : job) % tiles * wide, image = job / tiles / t->columns;
            int width = (int)(t->pixels - place < wide ? t->pixels - place : wide);
            long begin = last ? (image * t->pixels + place) * t->maps + column * deep
                              : (image * t->maps + column * deep) * t->pixels + place;
            if (size == 5) {
                if (half) TILE_OF(5, 1);
                else TILE_OF(5, 0);
            } else {
                if (half) TILE_OF(size, 1);
                else TILE_OF(size, 0);
            }
        }
        free(memory);
    }
    return failed;
}
