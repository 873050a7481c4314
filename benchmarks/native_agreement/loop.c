/* A native loop over one ONNX model: what the runner's numbers are compared with.
 *
 *   loop LIBRARY MODEL INPUT SIZES OUTPUT SIZES      SIZES like 1,3,224,224; one float input, one float output
 *
 * Each line on stdin, "CALLS_MIN SPAN_NS", is one round; the answer is "CALLS MEDIAN_NS". The library is the one in the
 * onnxruntime wheel. OrtApi is a table that is only ever appended to, so that slots have fixed numbers:
 * https://github.com/microsoft/onnxruntime/blob/main/include/onnxruntime/core/session/onnxruntime_c_api.h
 */
#include <dlfcn.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <time.h>

enum {
  GET_ERROR_MESSAGE = 2, CREATE_ENV = 3, CREATE_SESSION = 7, RUN = 9, CREATE_SESSION_OPTIONS = 10,
  SET_INTRA_OP_THREADS = 24, SET_INTER_OP_THREADS = 25, CREATE_TENSOR_WITH_DATA = 49, CREATE_CPU_MEMORY_INFO = 69
};
enum { API_VERSION = 11, CALLS_MAX = 4000, DIMS_MAX = 8 };

typedef void *Status;
typedef struct { void *const *(*get_api)(uint32_t); const char *(*version)(void); } Base;
static void *const *api;

static void must(Status status, const char *what) {
  if (!status) return;
  fprintf(stderr, "%s: %s\n", what, ((const char *(*)(Status))api[GET_ERROR_MESSAGE])(status));
  exit(1);
}

static int64_t now_ns(void) {
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return t.tv_sec * 1000000000LL + t.tv_nsec;
}

static int ascending(const void *a, const void *b) {
  int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;
  return (x > y) - (x < y);
}

static void *tensor(void *memory, const char *sizes) {
  int64_t dims[DIMS_MAX];
  size_t count = 1, rank = 0;
  char *copy = strdup(sizes);
  for (char *part = strtok(copy, ","); part && rank < DIMS_MAX; part = strtok(NULL, ",")) {
    dims[rank] = atoll(part);
    count *= (size_t)dims[rank++];
  }
  free(copy);
  float *data = calloc(count, sizeof *data);
  for (size_t i = 0; i < count; i++) data[i] = (float)(i % 97) / 97.0f;
  void *value = NULL;
  must(((Status(*)(void *, void *, size_t, const int64_t *, size_t, int, void **))api[CREATE_TENSOR_WITH_DATA])(
           memory, data, count * sizeof *data, dims, rank, 1, &value), "tensor");
  return value;
}

int main(int argc, char **argv) {
  if (argc != 7) return fprintf(stderr, "loop LIBRARY MODEL INPUT SIZES OUTPUT SIZES\n"), 2;
  prctl(PR_SET_TIMERSLACK, 1);
  void *library = dlopen(argv[1], RTLD_NOW);
  if (!library) return fprintf(stderr, "%s\n", dlerror()), 1;
  const Base *base = ((const Base *(*)(void))dlsym(library, "OrtGetApiBase"))();
  api = base->get_api(API_VERSION);
  if (!api) return fprintf(stderr, "the library has no API version %d\n", API_VERSION), 1;

  void *env, *options, *session, *memory;
  must(((Status(*)(int, const char *, void **))api[CREATE_ENV])(3, "loop", &env), "environment");
  must(((Status(*)(void **))api[CREATE_SESSION_OPTIONS])(&options), "options");
  must(((Status(*)(void *, int))api[SET_INTRA_OP_THREADS])(options, 1), "threads");
  must(((Status(*)(void *, int))api[SET_INTER_OP_THREADS])(options, 1), "threads");
  must(((Status(*)(void *, const char *, void *, void **))api[CREATE_SESSION])(env, argv[2], options, &session), "load");
  must(((Status(*)(int, int, void **))api[CREATE_CPU_MEMORY_INFO])(1, 0, &memory), "memory");
  const char *names[2] = {argv[3], argv[5]};
  void *input = tensor(memory, argv[4]), *output = tensor(memory, argv[6]);

  Status (*run)(void *, void *, const char *const *, void *const *, size_t, const char *const *, size_t, void **) =
      (Status(*)(void *, void *, const char *const *, void *const *, size_t, const char *const *, size_t, void **))api[RUN];
  static int64_t wall_ns[CALLS_MAX];
  long calls_min;
  long long span_ns;
  while (scanf("%ld %lld", &calls_min, &span_ns) == 2) {
    int64_t until = now_ns() + span_ns;
    long n = 0;
    for (;;) {
      int64_t before = now_ns();
      Status status = run(session, NULL, &names[0], &input, 1, &names[1], 1, &output);
      int64_t after = now_ns();
      if (status) must(status, "run");
      wall_ns[n++] = after - before;
      if ((after >= until && n >= calls_min) || n >= CALLS_MAX) break;
    }
    qsort(wall_ns, (size_t)n, sizeof *wall_ns, ascending);
    printf("%ld %lld\n", n, (long long)wall_ns[(n + 1) / 2 - 1]);
    fflush(stdout);
  }
  return 0;
}
