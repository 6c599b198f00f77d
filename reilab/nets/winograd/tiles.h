// Images and kernels to the 36 points and back. Images are (images, height, width, channels). At
// the points, channels come in panels of 16: (points, panels, rows, 16), where rows are tiles of
// images, or input channels of kernels.
#pragma once

#include <algorithm>

#include "transforms.h"

// A convolution, zero-padded, of images whose sides are doubled before or halved (by sums of 2x2)
// after; height and width are those in between. Strides of the kernels, in floats, are those of
// output channels, input channels, rows and columns.
struct Convolution {
    int images, height, width, in, out, doubled, halved, threads;
    long strides[4];
};

namespace {

constexpr int PANEL = 16;

// Where a channel of a row stands among the values of one point.
long place(int channel, int row, int rows) {
    return (long(channel / PANEL) * rows + row) * PANEL + channel % PANEL;
}

int n_tiles(const Convolution &c) { return c.images * ((c.height + 3) / 4) * ((c.width + 3) / 4); }

struct Tile {
    int image, top, left;
    Tile(const Convolution &c, int number) {
        const int rows = (c.height + 3) / 4, columns = (c.width + 3) / 4;
        image = number / (rows * columns);
        top = 4 * (number / columns % rows);
        left = 4 * (number % columns);
    }
};

// A panel of N x N pixels of a (doubled) image from (top, left) on, zero outside.
template <int N>
void copy_pixels(const float *image, const Convolution &c, int channels, int doubled, int top,
                 int left, float (&to)[N][N][PANEL]) {
    for (int i = 0; i < N; ++i)
        for (int j = 0; j < N; ++j) {
            const int h = top + i, w = left + j;
            const bool inside = h >= 0 && h < c.height && w >= 0 && w < c.width;
            const long pixel = long(h >> doubled) * (c.width >> doubled) + (w >> doubled);
            for (int k = 0; k < PANEL; k += LANES)
                store(&to[i][j][k], inside ? load(image + pixel * channels + k) : Vector{});
        }
}

// Such pixels at all channels to points.
template <int N, void transform(const Vector *, Vector *)>
void to_points(const float *image, const Convolution &c, int channels, int doubled, int top,
               int left, float *points, int row, int rows) {
    const bool inside = top >= 0 && top + N <= c.height && left >= 0 && left + N <= c.width;
    for (int first = 0; first < channels; first += PANEL) {
        float copied[N][N][PANEL];
        const float *from = image + first + (long(top) * c.width + left) * channels;
        long down = long(c.width) * channels, right = channels;
        if (doubled || !inside) {
            copy_pixels(image + first, c, channels, doubled, top, left, copied);
            from = copied[0][0], down = N * PANEL, right = PANEL;
        }
        for (int k = 0; k < PANEL; k += LANES) {
            Vector pixels[N][N], values[6][6];
            for (int i = 0; i < N; ++i)
                for (int j = 0; j < N; ++j) pixels[i][j] = load(from + i * down + j * right + k);
            along_both<N, 6, transform>(pixels, values);
            store_points(values, points + place(first + k, row, rows), long(channels) * rows);
        }
    }
}

void image_tile(const float *x, const Convolution &c, int number, float *points, int row,
                int rows) {
    const Tile t(c, number);
    x += long(t.image) * (c.height >> c.doubled) * (c.width >> c.doubled) * c.in;
    to_points<6, image_to_points>(x, c, c.in, c.doubled, t.top - 1, t.left - 1, points, row, rows);
}

void gradient_tile(const float *y, const Convolution &c, int number, float *points, int row,
                   int rows) {
    const Tile t(c, number);
    y += long(t.image) * c.height * c.width * c.out;
    to_points<4, result_to_points>(y, c, c.out, 0, t.top, t.left, points, row, rows);
}

void result_tile(const float *points, int row, int rows, const float *bias, const Convolution &c,
                 int number, float *y) {
    const Tile t(c, number);
    const int height = c.height >> c.halved, width = c.width >> c.halved, side = 4 >> c.halved;
    const int top = t.top >> c.halved, left = t.left >> c.halved;
    const int high = std::min(side, height - top), wide = std::min(side, width - left);
    y += ((long(t.image) * height + top) * width + left) * c.out;
    for (int k = 0; k < c.out; k += LANES) {
        Vector values[6][6], pixels[4][4];
        load_points(points + place(k, row, rows), long(c.out) * rows, values);
        along_both<6, 4, result_from_points>(values, pixels);
        if (c.halved)
            for (int i = 0; i < 2; ++i)
                for (int j = 0; j < 2; ++j) {
                    const Vector *upper = &pixels[2 * i][2 * j], *lower = &pixels[2 * i + 1][2 * j];
                    pixels[i][j] = upper[0] + upper[1] + lower[0] + lower[1];
                }
        const Vector offset = bias ? load(bias + k) : Vector{};
        for (int i = 0; i < 4 && i < high; ++i)
            for (int j = 0; j < 4 && j < wide; ++j)
                store(y + (long(i) * width + j) * c.out + k, pixels[i][j] + offset);
    }
}

// Where the n-th of 9 taps of a panel of kernels begins; `number` counts panels and input channels.
long first_tap(const Convolution &c, int number, int n) {
    return number / c.in * PANEL * c.strides[0] + number % c.in * c.strides[1] +
           n / 3 * c.strides[2] + n % 3 * c.strides[3];
}

void read_kernels(const float *weight, const Convolution &c, int number, float *points) {
    for (int k = 0; k < PANEL; k += LANES) {
        Vector taps[3][3], values[6][6];
        for (int n = 0; n < 9; ++n) {
            const float *from = weight + first_tap(c, number, n) + k * c.strides[0];
            for (int l = 0; l < LANES; ++l) taps[n / 3][n % 3][l] = from[l * c.strides[0]];
        }
        along_both<3, 6, kernel_to_points>(taps, values);
        store_points(values, points + long(number) * PANEL + k, long(c.in) * c.out);
    }
}

void write_kernels(const float *points, const Convolution &c, int number, float *weight) {
    for (int k = 0; k < PANEL; k += LANES) {
        Vector values[6][6], taps[3][3];
        load_points(points + long(number) * PANEL + k, long(c.in) * c.out, values);
        along_both<6, 3, kernel_from_points>(values, taps);
        for (int n = 0; n < 9; ++n) {
            float *to = weight + first_tap(c, number, n) + k * c.strides[0];
            for (int l = 0; l < LANES; ++l) to[l * c.strides[0]] = taps[n / 3][n % 3][l];
        }
    }
}

}  // namespace
