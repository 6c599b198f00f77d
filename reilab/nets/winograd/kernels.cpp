// Convolutions with 3x3 kernels by Winograd's minimal filtering, and their gradients. Both work on
// blocks of tiles that fit the cache: to the points, products there, and back.

#include <algorithm>

#include "products.h"

extern "C" {

// y = kernels * x + bias; no bias if it is null.
void convolve(const Convolution *shape, const float *x, const float *weight, const float *bias,
              float *y) {
    const Convolution c = *shape;
    const Workspace w(c, ROWS);
    const int tiles = n_tiles(c), panels = c.out / PANEL;
#pragma omp parallel num_threads(c.threads)
    {
#pragma omp for schedule(static)
        for (int n = 0; n < panels * c.in; ++n) read_kernels(weight, c, n, w.kernels);
        for (int first = 0; first < tiles; first += w.rows) {
            const int count = std::min(w.rows, tiles - first);
#pragma omp for schedule(static)
            for (int k = 0; k < count; ++k) image_tile(x, c, first + k, w.inputs, k, w.rows);
#pragma omp for schedule(static)
            for (int n = 0; n < POINTS * panels; ++n) {
                const float *a = w.inputs + long(n / panels) * c.in * w.rows;
                const float *b = w.kernels + long(n) * c.in * PANEL;
                for (int k = 0; k < count; k += ROWS)
                    product(a + k * PANEL, long(w.rows) * PANEL, c.in / PANEL, b,
                            w.outputs + (long(n) * w.rows + k) * PANEL);
            }
#pragma omp for schedule(static)
            for (int k = 0; k < count; ++k)
                result_tile(w.outputs, k, w.rows, bias, c, first + k, y);
        }
    }
}

// weight = the gradient of the kernels, from the images x and the gradient of the result.
void weight_gradient(const Convolution *shape, const float *x, const float *gradient,
                     float *weight) {
    const Convolution c = *shape;
    const Workspace w(c, GRADIENT_BLOCK);
    const int tiles = n_tiles(c), panels = c.out / PANEL;
#pragma omp parallel num_threads(c.threads)
    {
#pragma omp for schedule(static)
        for (int n = 0; n < POINTS * panels; ++n)
            std::fill_n(w.kernels + long(n) * c.in * PANEL, c.in * PANEL, 0.0f);
        for (int first = 0; first < tiles; first += w.rows) {
            const int count = std::min(w.rows, tiles - first);
#pragma omp for schedule(static)
            for (int k = 0; k < count; ++k) {
                image_tile(x, c, first + k, w.inputs, k, w.rows);
                gradient_tile(gradient, c, first + k, w.outputs, k, w.rows);
            }
#pragma omp for schedule(static)
            for (int n = 0; n < POINTS * panels; ++n) {
                const float *a = w.inputs + long(n / panels) * c.in * w.rows;
                const float *b = w.outputs + long(n) * w.rows * PANEL;
                for (int i = 0; i < c.in; i += GRADIENT_ROWS)
                    product_of_transpose(a + place(i, 0, w.rows), b, count,
                                         w.kernels + (long(n) * c.in + i) * PANEL);
            }
        }
#pragma omp for schedule(static)
        for (int n = 0; n < panels * c.in; ++n) write_kernels(w.kernels, c, n, weight);
    }
}
}
