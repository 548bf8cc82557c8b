/* Maximum pooling (section 3.4) and its gradient over maps that lie together: images x rows x columns x maps.

   torch keeps a 64-bit place for every output and clears the whole gradient before it adds to it; here the place within
   the window is kept in 8 bits, and every input gathers what its windows send it, in the order of the windows. Of equal
   values the first in reading order is the largest, and a NaN is larger than all, as for torch.

   Arrays are float32 or bfloat16; gradients are added up in float32. */

#include "numbers.h"

#define MAPS 64 /* maps that are worked on together */

typedef struct {
    const void *from; /* the input; for the gradient that of the output */
    void *to;         /* the output; for the gradient that of the input */
    uint8_t *place;   /* row * kernel + column in the window, images x out_rows x out_columns x maps */
    long images, rows, columns, out_rows, out_columns, maps;
    int kernel, stride, pad;
} Task;


INLINE void pool_pixel(const Task *t, long image, long row, long column, int half) {
    const long top = row * t->stride - t->pad, left = column * t->stride - t->pad;
    const long out = ((image * t->out_rows + row) * t->out_columns + column) * t->maps;
    for (long first = 0; first < t->maps; first += MAPS) {
        const int count = (int)smaller(MAPS, t->maps - first);
        float best[MAPS];
        int32_t place[MAPS];
        int begun = 0;
        for (int r = 0; r < t->kernel; r++)
            for (int c = 0; c < t->kernel; c++) {
                long y = top + r, x = left + c;
                if (y < 0 || y >= t->rows || x < 0 || x >= t->columns) continue;
                long in = ((image * t->rows + y) * t->columns + x) * t->maps + first;
                int here = r * t->kernel + c;
                if (!begun)
                    for (int m = 0; m < count; m++) best[m] = load(t->from, in + m, half), place[m] = here;
                else
                    for (int m = 0; m < count; m++) {
                        float value = load(t->from, in + m, half);
                        int takes = (value > best[m]) | (value != value);
                        best[m] = takes ? value : best[m];
                        place[m] = takes ? here : place[m];
                    }
                begun = 1;
            }
        for (int m = 0; m < count; m++) store(t->to, out + first + m, best[m], half);
        for (int m = 0; m < count; m++) t->place[out + first + m] = (uint8_t)place[m];
    }
}

INLINE void gather_pixel(const Task *t, long image, long y, long x, int half) {
    /* The windows that hold this pixel: row * stride - pad <= y < row * stride - pad + kernel. */
    const long low_y = y + t->pad - t->kernel + 1, low_x = x + t->pad - t->kernel + 1;
    const long row0 = low_y <= 0 ? 0 : (low_y + t->stride - 1) / t->stride;
    const long column0 = low_x <= 0 ? 0 : (low_x + t->stride - 1) / t->stride;
    const long row1 = smaller(t->out_rows - 1, (y + t->pad) / t->stride);
    const long column1 = smaller(t->out_columns - 1, (x + t->pad) / t->stride);
    const long in = ((image * t->rows + y) * t->columns + x) * t->maps;
    for (long first = 0; first < t->maps; first += MAPS) {
        const int count = (int)smaller(MAPS, t->maps - first);
        float sum[MAPS];
        for (int m = 0; m < count; m++) sum[m] = 0.0f;
        for (long row = row0; row <= row1; row++)
            for (long column = column0; column <= column1; column++) {
                long out = ((image * t->out_rows + row) * t->out_columns + column) * t->maps + first;
                int32_t here = (int32_t)((y + t->pad - row * t->stride) * t->kernel + (x + t->pad - column * t->stride));
                const uint8_t *restrict place = t->place + out;
                for (int m = 0; m < count; m++) {
                    float value = load(t->from, out + m, half);
                    sum[m] += (int32_t)place[m] == here ? value : 0.0f;
                }
            }
        for (int m = 0; m < count; m++) store(t->to, in + first + m, sum[m], half);
    }
}

void pool(const Task *t, int half, int threads) {
#pragma omp parallel for num_threads(threads) schedule(static)
    for (long line = 0; line < t->images * t->out_rows; line++)
        for (long column = 0; column < t->out_columns; column++) {
            if (half) pool_pixel(t, line / t->out_rows, line % t->out_rows, column, 1);
            else pool_pixel(t, line / t->out_rows, line % t->out_rows, column, 0);
        }
}

void gather(const Task *t, int half, int threads) {
#pragma omp parallel for num_threads(threads) schedule(static)
    for (long line = 0; line < t->images * t->rows; line++)
        for (long x = 0; x < t->columns; x++) {
            if (half) gather_pixel(t, line / t->rows, line % t->rows, x, 1);
            else gather_pixel(t, line / t->rows, line % t->rows, x, 0);
        }
}
