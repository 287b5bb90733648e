# TrustSQL - build, run, test. `make help` lists the targets.
#
# PROFILE = release (default) debug asan tsan cov fuzz seeds; CC = gcc (default) or clang.
# Sources and tests are found by their place: src/FOLDER/*.c become one archive a folder,
# test/unit/FOLDER/test_*.c one program each, test/fuzz/fuzz_*.c one fuzzer each.

PROFILE ?= release
CC := $(if $(filter default,$(origin CC)),gcc,$(CC))
OUT := build/$(PROFILE)$(if $(filter clang,$(CC)),-clang)
COMPILER := $(if $(findstring clang,$(shell $(CC) --version 2>/dev/null)),clang,gcc)

FOLDERS := base os os/posix os/fake crypto codec ledger consensus p2p store state rows history sql exec exec/modules/system custody node sim pg cmd client
# Link order: users before what they use.
LINK_ORDER := cmd sim pg client node history exec exec/modules/system custody sql rows state store consensus p2p ledger codec crypto os os/posix os/fake base

WARNINGS := -Wall -Wextra -Wpedantic -Werror -Wshadow -Wconversion -Wsign-conversion \
  -Wstrict-prototypes -Wmissing-prototypes -Wold-style-definition -Wcast-qual -Wwrite-strings -Wvla \
  -Walloca -Wundef -Wformat=2 -Wswitch-enum -Wimplicit-fallthrough -Wpointer-arith \
  -Wdouble-promotion -Wfloat-equal -Wnull-dereference -Wdate-time -fno-common
WARNINGS_gcc := -Wcast-align=strict -Wlogical-op -Wduplicated-cond -Wduplicated-branches -Warith-conversion
WARNINGS_clang := -Wcomma -Wconditional-uninitialized -Wunreachable-code -Wassign-enum

HARDEN := -D_FORTIFY_SOURCE=2 -fstack-protector-strong
OPT_release := -O2 -g $(HARDEN)
OPT_debug := -O0 -g3
OPT_asan := -O1 -g1 -fsanitize=address,undefined -fno-sanitize-recover=all -fno-omit-frame-pointer
OPT_tsan := -O1 -g1 -fsanitize=thread
OPT_cov := -O0 -g --coverage
OPT_fuzz := -O1 -g1 -fsanitize=address,undefined,fuzzer-no-link -fno-sanitize-recover=all -fprofile-instr-generate -fcoverage-mapping
# For tools/seeds alone: the folders that a simulated run is made of, optimised as a whole and by its own profile, for
# this processor; all else comes from build/release, which must be there.
SEEDS_FOLDERS := base crypto codec ledger consensus store node sim os/fake
OPT_seeds := -O3 -g -march=native -fno-plt -flto -w
OPT := $(OPT_$(PROFILE)) $(EXTRA_OPT)
SANITIZE := $(filter -fsanitize=% --coverage -fprofile-instr-generate,$(OPT)) $(if $(filter seeds,$(PROFILE)),$(OPT) -flto=2)

LIBPQ_INCLUDE := $(shell pkg-config --variable=includedir libpq 2>/dev/null)

CFLAGS := -std=c11 -Isrc -Iinclude -isystem $(LIBPQ_INCLUDE) -ffp-contract=off -fPIE -pthread $(WARNINGS) $(WARNINGS_$(COMPILER)) $(OPT)
# A linker of many small programs spends its time on reading the same archives: for those profiles the fastest one.
LINKER := $(if $(filter debug asan tsan fuzz,$(PROFILE)),-fuse-ld=mold)
LDFLAGS := -pie -pthread -Wl,-z,relro,-z,now $(SANITIZE) $(LINKER)
# Static where an answer of the chain depends on the library; the rest from the distribution.
LIBS := -Wl,-Bstatic -lpg_query -lprotobuf-c -lsecp256k1 -lsqlite3 -lgmp -linih -lzstd -Wl,-Bdynamic \
  -luv -lcurl -lsodium -lssl -lcrypto -lpq -lm -ldl

BUILT_FOLDERS := $(if $(filter seeds,$(PROFILE)),$(SEEDS_FOLDERS),$(FOLDERS))
archive = $(if $(filter $(1),$(BUILT_FOLDERS)),$(OUT),build/release)/lib/$(subst /,_,$(1)).a
LIB_FILES := $(foreach f,$(LINK_ORDER),$(call archive,$(f)))

.PHONY: all build setup run test check mutants nightly bench clean help install-hooks
all: build

help: ## List the targets
	@grep -E '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:[^#]*## /\t/' | expand -t 12

setup: ## Install every package the build, the tests and the program need
	@tools/setup

build: setup ## Build build/trustsql
	@$(MAKE) --no-print-directory -j2 program

.PHONY: program
program: $(OUT)/trustsql
ifeq ($(PROFILE)-$(COMPILER),release-gcc)
	@ln -sf release/trustsql build/trustsql
endif

run: build ## Start four nodes for trying out, until Ctrl-C: prints a psql line for each
	@build/trustsql testnet --dir testnet --nodes 4

test: build ## Every test (up to 12 minutes)
	@tools/test

check: setup ## Format, layers, purity, tidy, clang-tidy, cppcheck
	@tools/check

mutants: build ## Break one rule of the source at a time: the simulator must find each
	@tools/mutants

nightly: build ## The long runs; figures go to docs/nightly.md
	@tools/nightly

bench: build ## Throughput and CPU per transaction
	@build/trustsql bench --nodes 1 --seconds 10 --beside sqlite --json

clean:
	rm -rf build

# --- objects -------------------------------------------------------------------------------------
define folder_rules
SRC_$(1) := $(wildcard src/$(1)/*.c)
OBJ_$(1) := $$(SRC_$(1):src/%.c=$(OUT)/obj/%.o)
$(call archive,$(1)): $$(OBJ_$(1))
	@mkdir -p $$(@D)
	@rm -f $$@
	@ar rcsD $$@ $$^
OBJECTS += $$(OBJ_$(1))
endef
$(foreach f,$(BUILT_FOLDERS),$(eval $(call folder_rules,$(f))))

# libtrustsql: what include/trustsql.h declares, for programs of others.
LIBRARY_FOLDERS := base os os/posix crypto codec ledger client
.PHONY: library
library: $(OUT)/libtrustsql.a ## Build build/release/libtrustsql.a
$(OUT)/libtrustsql.a: $(foreach f,$(LIBRARY_FOLDERS),$(OBJ_$(f)))
	@rm -f $@
	@ar rcsD $@ $^

$(OUT)/obj/os/posix/%.o: CFLAGS += -D_POSIX_C_SOURCE=200809L

$(OUT)/obj/%.o: src/%.c
	@mkdir -p $(@D)
	@echo "  CC    $<"
	@$(CC) $(CFLAGS) -MMD -MP -c $< -o $@

$(OUT)/trustsql: $(LIB_FILES)
	@echo "  LINK  $@"
	@$(CC) $(LDFLAGS) -Wl,--start-group $(LIB_FILES) -Wl,--end-group $(LIBS) -o $@

# The program with one source file replaced, for tools/mutants: what BY defines is not taken from the libraries.
.PHONY: mutant
mutant: $(LIB_FILES)
	@for file in $(BY); do $(CC) $(CFLAGS) -w -c $$file -o $$file.o || exit 1; done
	@$(CC) $(LDFLAGS) $(BY:=.o) -Wl,--start-group $(LIB_FILES) -Wl,--end-group $(LIBS) -o $(TO)

# The program with one fault, for test/system/test_forged.py.
$(OUT)/credulous: $(OUT)/obj/test/system/credulous.o $(LIB_FILES)
	@$(CC) $(LDFLAGS) -Wl,--wrap=tx_verify_cached,--defsym=__wrap_tx_verify_cached=credulous_verify $< -Wl,--start-group $(LIB_FILES) -Wl,--end-group $(LIBS) -o $@

# --- unit tests, model tests and fuzzers ---------------------------------------------------------
TEST_SUPPORT := $(wildcard test/support/*.c)
TEST_SUPPORT_OBJ := $(TEST_SUPPORT:%.c=$(OUT)/obj/%.o)
TESTS := $(wildcard test/unit/*/test_*.c test/model/test_*.c)
TEST_PROGRAMS := $(TESTS:test/%.c=$(OUT)/test/%)
FUZZERS := $(wildcard test/fuzz/fuzz_*.c)
FUZZ_PROGRAMS := $(FUZZERS:test/fuzz/%.c=$(OUT)/fuzz/%)

$(OUT)/obj/test/%.o: test/%.c
	@mkdir -p $(@D)
	@echo "  CC    $<"
	@$(CC) $(CFLAGS) -Itest -D_POSIX_C_SOURCE=200809L -MMD -MP -c $< -o $@

# A test has a main of its own, so the program's stays in its archive; those of a fuzzer and of a measurement come later.
.PRECIOUS: $(OUT)/obj/test/%.o
$(OUT)/test/%: $(OUT)/obj/test/%.o $(TEST_SUPPORT_OBJ) $(LIB_FILES)
	@mkdir -p $(@D)
	@$(CC) $(LDFLAGS) $< $(TEST_SUPPORT_OBJ) -Wl,--start-group $(LIB_FILES) -Wl,--end-group -lcmocka $(LIBS) -o $@

# The unit test TEST (FOLDER/test_NAME) with one source file replaced, for tools/mutants.
.PHONY: mutant-test
mutant-test: $(OUT)/obj/test/unit/$(TEST).o $(TEST_SUPPORT_OBJ) $(LIB_FILES)
	@for file in $(BY); do $(CC) $(CFLAGS) -w -c $$file -o $$file.o || exit 1; done
	@$(CC) $(LDFLAGS) $< $(BY:=.o) $(TEST_SUPPORT_OBJ) -Wl,--start-group $(LIB_FILES) -Wl,--end-group -lcmocka $(LIBS) -o $(TO)

$(OUT)/fuzz/%: $(OUT)/obj/test/fuzz/%.o $(TEST_SUPPORT_OBJ) $(LIB_FILES)
	@mkdir -p $(@D)
	@$(CC) $(LDFLAGS) -fsanitize=fuzzer $< $(TEST_SUPPORT_OBJ) -Wl,--start-group $(filter-out %/cmd.a,$(LIB_FILES)) -Wl,--end-group -lcmocka $(LIBS) -o $@

# --- measurements of single parts: build/PROFILE/bench/NAME ---------------------------------------
$(OUT)/obj/bench/%.o: bench/%.c
	@mkdir -p $(@D)
	@echo "  CC    $<"
	@$(CC) $(CFLAGS) -Itest -D_POSIX_C_SOURCE=200809L -MMD -MP -c $< -o $@

.PRECIOUS: $(OUT)/obj/bench/%.o
$(OUT)/bench/sql: $(OUT)/obj/test/support/sql_rig.o
$(OUT)/bench/%: $(OUT)/obj/bench/%.o $(LIB_FILES)
	@mkdir -p $(@D)
	@$(CC) $(LDFLAGS) $(filter %.o,$^) -Wl,--start-group $(filter-out %/cmd.a,$(LIB_FILES)) -Wl,--end-group $(LIBS) -o $@

.PHONY: tests fuzzers read-tests
tests: $(TEST_PROGRAMS)
fuzzers: $(FUZZ_PROGRAMS)
# Compiled, not linked: for the warnings of a compiler.
read-tests: $(TESTS:%.c=$(OUT)/obj/%.o) $(TEST_SUPPORT_OBJ)

-include $(shell find $(OUT)/obj -name '*.d' 2>/dev/null)
