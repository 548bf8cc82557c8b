/* The 2012 program's normalization within a map (`rnorm`) and its gradient, over maps that lie together: images x rows x
   columns x maps.

   y = x s^-beta with s = k + alpha * (sum of x^2 over a square of the same map, from `before` pixels before to `after`
   behind, zeros beyond the edges). beta is 3/4; arithmetic is float32, every output is computed by one thread. */

#include <stdlib.h>

#include "numbers.h"

#define MAPS 64 /* maps that are worked on together */

typedef struct {
    const void *x, *grad; /* grad is null for the forward pass */
    void *out;
    long images, rows, columns, maps;
    int before, after;
    float k, alpha, beta;
} Task;


/* Sums of squares around a pixel, of `count` maps from `first` on. */
INLINE void squares(const Task *t, long image, long y, long x, long first, int count, float *restrict sum, int half) {
    for (int m = 0; m < count; m++) sum[m] = 0.0f;
    for (long row = larger(0, y - t->before); row <= smaller(t->rows - 1, y + t->after); row++)
        for (long column = larger(0, x - t->before); column <= smaller(t->columns - 1, x + t->after); column++) {
            long place = ((image * t->rows + row) * t->columns + column) * t->maps + first;
            for (int m = 0; m < count; m++) {
                float value = load(t->x, place + m, half);
                sum[m] += value * value;
            }
        }
}

INLINE void forward_pixel(const Task *t, long image, long y, long x, int half) {
    const long place = ((image * t->rows + y) * t->columns + x) * t->maps;
    for (long first = 0; first < t->maps; first += MAPS) {
        const int count = (int)smaller(MAPS, t->maps - first);
        float sum[MAPS];
        squares(t, image, y, x, first, count, sum, half);
        for (int m = 0; m < count; m++)
            store(t->out, place + first + m, load(t->x, place + first + m, half) * power(t->k + t->alpha * sum[m]), half);
    }
}

/* What a pixel passes on directly, and what it passes on through the scales of those around it; of one image. */
INLINE void passes(const Task *t, long image, long y, long x, float *restrict direct, float *restrict through, int half) {
    const long here = (y * t->columns + x) * t->maps, place = image * t->rows * t->columns * t->maps + here;
    for (long first = 0; first < t->maps; first += MAPS) {
        const int count = (int)smaller(MAPS, t->maps - first);
        float sum[MAPS];
        squares(t, image, y, x, first, count, sum, half);
        for (int m = 0; m < count; m++) {
            float scale = t->k + t->alpha * sum[m];
            float value = load(t->grad, place + first + m, half) * power(scale);
            direct[here + first + m] = value;
            through[here + first + m] = value * load(t->x, place + first + m, half) / scale;
        }
    }
}

INLINE void backward_pixel(const Task *t, long image, long y, long x, const float *direct, const float *through, int half) {
    const long here = (y * t->columns + x) * t->maps, place = image * t->rows * t->columns * t->maps + here;
    const float twice = 2.0f * t->alpha * t->beta;
    for (long first = 0; first < t->maps; first += MAPS) {
        const int count = (int)smaller(MAPS, t->maps - first);
        float sum[MAPS];
        for (int m = 0; m < count; m++) sum[m] = 0.0f;
        /* This pixel is in the squares of those `after` before it to `before` behind it: the square turned around. */
        for (long row = larger(0, y - t->after); row <= smaller(t->rows - 1, y + t->before); row++)
            for (long column = larger(0, x - t->after); column <= smaller(t->columns - 1, x + t->before); column++) {
                const float *restrict other = through + (row * t->columns + column) * t->maps + first;
                for (int m = 0; m < count; m++) sum[m] += other[m];
            }
        for (int m = 0; m < count; m++) {
            float value = load(t->x, place + first + m, half);
            store(t->out, place + first + m, direct[here + first + m] - twice * value * sum[m], half);
        }
    }
}

/* 0, or 1 where there was no memory for an image's gradients. */
int normalize(const Task *t, int half, int threads) {
    const size_t each = ((size_t)t->rows * t->columns * t->maps + 15) / 16 * 16;
    int failed = 0;
#pragma omp parallel num_threads(threads)
    {
        float *memory = t->grad ? aligned_alloc(64, 2 * each * sizeof(float)) : 0;
        if (t->grad && !memory) failed = 1;
#pragma omp for schedule(static)
        for (long image = 0; image < t->images; image++) {
            if (t->grad && !memory) continue;
            for (long y = 0; y < t->rows; y++)
                for (long x = 0; x < t->columns; x++) {
                    if (t->grad) {
                        if (half) passes(t, image, y, x, memory, memory + each, 1);
                        else passes(t, image, y, x, memory, memory + each, 0);
                    } else {
                        if (half) forward_pixel(t, image, y, x, 1);
                        else forward_pixel(t, image, y, x, 0);
                    }
                }
            if (!t->grad) continue;
            for (long y = 0; y < t->rows; y++)
                for (long x = 0; x < t->columns; x++) {
                    if (half) backward_pixel(t, image, y, x, memory, memory + each, 1);
                    else backward_pixel(t, image, y, x, memory, memory + each, 0);
                }
        }
        free(memory);
    }
    return failed;
}
