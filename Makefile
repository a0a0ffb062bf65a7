# `make demo` and `make test` need nothing but Debian 12 and Swift: they install what is missing.
SHELL := /bin/bash
PREFIX ?= /usr/local
PEERS ?= .peers
GRAFT := .build/release/graft
# What is shipped is what is tested: the tests call the same optimised code. Other options build everything anew.
RELEASE := -c release -Xswiftc -enable-testing -Xswiftc -use-ld=lld
PACKAGES := libopenblas-dev libdnnl-dev libcurl4-openssl-dev zlib1g-dev libhdf5-103-1

.PHONY: demo test fuzz kills sanitize bench interop install format lint build hub-server tokenizer-check dependencies

demo: build
	@Fixtures/demo/run.sh $(GRAFT)

# Training on several ranks is tested with Open MPI.
test: PACKAGES += openmpi-bin
test: build
	swift build $(RELEASE) --build-tests
	swift test $(RELEASE) --skip-build
	$(MAKE) lint

# libFuzzer on every reader, or on the one that TARGET names, for SECONDS each; all are one program, with instructions
# that count where it has been.
SECONDS := 60
LIBFUZZER = $(shell $(dir $(shell command -v swift))clang -print-resource-dir)/lib/linux/libclang_rt.fuzzer_no_main-$(shell uname -m).a
FUZZ = -c release --scratch-path .build-fuzz --product fuzz -Xswiftc -use-ld=lld \
  -Xswiftc -Xfrontend -Xswiftc -sanitize=fuzzer -Xcc -fsanitize=fuzzer-no-link \
  -Xlinker -u -Xlinker LLVMFuzzerRunDriver -Xlinker $(LIBFUZZER) -Xlinker -lstdc++

fuzz: dependencies
	swift build $(FUZZ)
	@Fixtures/fuzzing/run.sh .build-fuzz/release/fuzz '$(TARGET)' $(SECONDS)

# Kills, full disks and commands at once; PART is one of kill, torn, full, disk and pair, ONLY a command.
kills: build hub-server
	@Fixtures/kills/run.py $(abspath .build/kills) $(GRAFT) .build/release/hub-server \
	  $(if $(PART),--part $(PART)) $(if $(ONLY),--only '$(ONLY)')

# The tests under the sanitizers, or those whose names FILTER matches. Leaks are not looked for: Swift has the case of an enum
# in unused bits of a reference, which is then no pointer to the leak detector, and what is in use counts as lost.
sanitize: PACKAGES += openmpi-bin
sanitize: dependencies
	for kind in $(or $(SANITIZER),address thread); do \
	  swift build $(RELEASE) --build-tests --sanitize=$$kind --scratch-path .build-$$kind && \
	  TSAN_OPTIONS=suppressions=$(abspath Fixtures/sanitizers/thread.txt) ASAN_OPTIONS=detect_leaks=0 \
	  swift test $(RELEASE) --skip-build --sanitize=$$kind --scratch-path .build-$$kind \
	    $(if $(FILTER),--filter '$(FILTER)') || exit 1; \
	done

bench: build hub-server
	@Benchmarks/run.sh $(GRAFT) $(PEERS) $(if $(ONLY),--only $(ONLY))

interop: build hub-server tokenizer-check
	@Fixtures/interop/run.sh $(GRAFT) $(PEERS)

build: dependencies
	swift build $(RELEASE) --product graft

# The loopback Hub of the tests, for programs in other languages.
hub-server: dependencies
	swift build $(RELEASE) --product hub-server

# Compares a tokenizer with what Hugging Face `tokenizers` made of texts.
tokenizer-check: dependencies
	swift build $(RELEASE) --product tokenizer-check

install: build
	install -Dm755 $(GRAFT) $(DESTDIR)$(PREFIX)/bin/graft
	$(GRAFT) --generate-completion-script bash \
	  | install -Dm644 /dev/stdin $(DESTDIR)$(PREFIX)/share/bash-completion/completions/graft

format:
	swift format --in-place --recursive Package.swift Sources Plugins Tests

lint:
	swift format lint --strict --recursive Package.swift Sources Plugins Tests

# Installs the Debian packages that are missing; as another user than root, with sudo. Whether oneDNN's headers are
# there is found out when the shim is compiled, which the build does not notice by itself.
dependencies:
	@missing=$$(for package in $(PACKAGES); do \
	  dpkg-query -W -f='$${Status}' $$package 2>/dev/null | grep -q 'ok installed' || echo $$package; done); \
	if [ -n "$$missing" ]; then \
	  as_root=$$([ $$(id -u) = 0 ] || echo sudo); \
	  $$as_root apt-get update -qq && $$as_root apt-get install -y -qq $$missing; \
	  case $$missing in *libdnnl*) touch Plugins/Backends/OneDNN/COneDNN/onednn.c;; esac; \
	fi
