/* process.c - Processes, the terminal and locks held by others, for the commands. Nodes do not use
 * it: a node is one process that asks for nothing but what os.h has. */
#include "os/process.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/types.h>
#include <sys/wait.h>
#include <termios.h>
#include <time.h>
#include <unistd.h>

#include "base/must.h"

#define SELF_PATH "/proc/self/exe"

/* Only async-signal-safe calls between fork and exec. */
static void become_child(const char *self, char *const *argv, const char *log_path)
{
    if (log_path != NULL) {
        int log = open(log_path, O_WRONLY | O_CREAT | O_APPEND, 0600);
        int null = open("/dev/null", O_RDONLY);
        if (log < 0 || null < 0) _exit(127);
        if (dup2(null, 0) < 0 || dup2(log, 1) < 0 || dup2(log, 2) < 0) _exit(127);
        (void)close(log);
        (void)close(null);
        (void)setsid();
    }
    (void)execv(self, argv);
    _exit(127);
}

/* A parent that died before the child could ask to hear of it is gone already. */
static void bind_to(pid_t parent)
{
    if (prctl(PR_SET_PDEATHSIG, SIGTERM) != 0 || getppid() != parent) _exit(127);
}

enum status process_spawn_self(int64_t *pid,
                               const char *const *argv,
                               const char *log_path,
                               enum process_life life)
{
    char self[4096];
    ssize_t size = readlink(SELF_PATH, self, sizeof self - 1);
    if (size <= 0) return ST_NOT_FOUND;
    self[size] = 0;
    union { /* execv promises not to change them. */
        const char *const *in;
        char *const *out;
    } arguments = {.in = argv};
    (void)fflush(NULL);
    const pid_t parent = getpid();
    const pid_t child = fork();
    if (child < 0) return ST_NO_MEMORY;
    if (child == 0) {
        if (life == PROCESS_BOUND) bind_to(parent);
        become_child(self, arguments.out, log_path);
    }
    *pid = child;
    return ST_OK;
}

const char *process_self_path(void)
{
    return SELF_PATH;
}

enum status process_send(int64_t pid, enum process_signal signal)
{
    must(pid > 0);
    if (kill((pid_t)pid, signal == PROCESS_KILL ? SIGKILL : SIGTERM) == 0) return ST_OK;
    return errno == EPERM ? ST_DENIED : ST_NOT_FOUND;
}

static enum status await_child(int64_t pid, int *exit_code, int options)
{
    int state;
    pid_t got;
    do {
        got = waitpid((pid_t)pid, &state, options);
    } while (got < 0 && errno == EINTR);
    if (got < 0) return ST_NOT_FOUND;
    if (got == 0) return ST_BUSY;
    *exit_code = WIFEXITED(state) ? WEXITSTATUS(state) : 128 + WTERMSIG(state);
    return ST_OK;
}

enum status process_wait(int64_t pid, int *exit_code)
{
    return await_child(pid, exit_code, 0);
}

enum status process_poll(int64_t pid, int *exit_code)
{
    return await_child(pid, exit_code, WNOHANG);
}

bool process_is_gone(int64_t pid)
{
    (void)waitpid((pid_t)pid, NULL, WNOHANG);
    return kill((pid_t)pid, 0) != 0 && errno == ESRCH;
}

int64_t process_lock_holder(const char *path)
{
    int file = open(path, O_RDONLY | O_CLOEXEC);
    if (file < 0) return 0;
    struct flock lock = {.l_type = F_WRLCK, .l_whence = SEEK_SET};
    int64_t holder = 0;
    if (fcntl(file, F_GETLK, &lock) == 0 && lock.l_type != F_UNLCK) holder = lock.l_pid;
    (void)close(file);
    return holder;
}

void process_sleep_ms(uint32_t ms)
{
    struct timespec left = {.tv_sec = (time_t)(ms / 1000u),
                            .tv_nsec = (long)(ms % 1000u) * 1000000};
    while (nanosleep(&left, &left) != 0 && errno == EINTR) {
    }
}

uint32_t process_core_count(void)
{
    long count = sysconf(_SC_NPROCESSORS_ONLN);
    return count < 1 ? 1 : (uint32_t)count;
}

bool terminal_is(int descriptor)
{
    return isatty(descriptor) == 1;
}

enum status terminal_ask_secret(const char *prompt, char *out, uint32_t size)
{
    must(size > 1);
    int terminal = open("/dev/tty", O_RDWR | O_CLOEXEC | O_NOCTTY);
    if (terminal < 0) return ST_UNSUPPORTED;
    struct termios before;
    if (tcgetattr(terminal, &before) != 0) {
        (void)close(terminal);
        return ST_UNSUPPORTED;
    }
    struct termios silent = before;
    silent.c_lflag &= ~(tcflag_t)ECHO;
    (void)tcsetattr(terminal, TCSAFLUSH, &silent);
    (void)!write(terminal, prompt, strlen(prompt));
    ssize_t got = read(terminal, out, size - 1);
    (void)tcsetattr(terminal, TCSAFLUSH, &before);
    (void)!write(terminal, "\n", 1);
    (void)close(terminal);
    if (got <= 0) return ST_IO;
    if (out[got - 1] == '\n') got--;
    out[got] = 0;
    return ST_OK;
}
