import Foundation
import GraftTensors
import TestSupport
import Testing

import GraftPlugins

@testable import GraftCommandLine

/// The program as a whole: help, version, usage errors, pipes.
@Suite struct GeneralTests {
  static let rows: [Row] = [
    Row("", stdout: ["OVERVIEW: A native model zoo", "EXAMPLES", "SHELL COMPLETION"]),
    Row("--version", whole: "0.1.0\n"),
    Row("--generate-completion-script bash", stdout: ["complete", "fill-mask"]),
    Row("--generate-completion-script zsh", stdout: ["#compdef graft"]),
    Row(
      "frobnicate", code: 64,
      stderr: ["graft: error: There is no command 'frobnicate'.\nUsage: graft <subcommand>"]),
    Row(
      "trian bert --data x", code: 64, stderr: ["There is no command 'trian'. Did you mean 'train'?\nUsage"]),
    Row(
      "head swpa x", code: 64, stderr: ["There is no command 'swpa'. Did you mean 'swap'?\nUsage: graft head"]
    ),
    Row("swap x", code: 64, stderr: ["There is no command 'swap'. Did you mean 'head swap'?"]),
    Row(
      "train x --num-train-epochs 3", code: 64,
      stderr: ["Unknown option '--num-train-epochs'. Did you mean '--epochs'?\nUsage: graft train"]),
    Row(
      "train x --data a --output b --lr-schedule-type cosine", code: 64,
      stderr: ["Unknown option '--lr-schedule-type'. Did you mean '--lr-scheduler'?"]),
    Row(
      "train x --data a --output b --lr-scheduler consine", code: 64,
      stderr: ["'consine' is invalid for '--lr-scheduler", " Did you mean 'cosine'? Please provide"]),
    Row("train x --lr 1e-4", code: 64, stderr: ["Unknown option '--lr'. Did you mean '--learning-rate'?"]),
    Row("predict x he --out a", code: 64, stderr: ["Unknown option '--out'.\nUsage: graft predict"]),
    Row("tag x he --head a", code: 64, stderr: ["Unknown option '--head'. Did you mean '--task'?"]),
    Row("predict x --data a", code: 64, stderr: ["Unknown option '--data'. Did you mean '--input'?"]),
    Row(
      "run --init x --data a --output b", code: 64,
      stderr: ["Unknown option '--data'. Did you mean '--train-file'?"]),
    Row("import x --out a", code: 64, stderr: ["Unknown option '--out'. Did you mean '--output'?"]),
    Row("tag x he --heads a", code: 64, stderr: ["Unknown option '--heads'.\nUsage: graft tag"]),
    Row("embed x a --pooling=maen --output b", code: 64, stderr: ["Did you mean 'mean'?"]),
    Row("export {base} --format onxn --output o", code: 64, stderr: ["Did you mean 'onnx'?"]),
    Row(
      "predict modle he", code: 1,
      stderr: [
        "modle: no such file or directory, and no model of that name was found. Did you mean 'model'?"
      ],
      prepare: { try $0.write("model/config.json", "{}") }),
    Row(
      "predict ./modle he", code: 1, stderr: ["modle: no such file or directory. Did you mean 'model'?"],
      prepare: { try $0.write("model/config.json", "{}") }),
    Row(
      "tokenize {base} --input tetx.csv", code: 1,
      stderr: ["tetx.csv: no such file. Did you mean 'text.csv'?"],
      prepare: { try $0.write("text.csv", "text\nhe\n") }),
    // What they end with makes no two names alike.
    Row(
      "verify {base} --golden nope.safetensors", code: 1, stderr: ["nope.safetensors: no such file.\n"],
      prepare: {
        try $0.write("exp-safetensors/config.json", "{}")
        try $0.write("model.safetensors", "")
      }),
    Row(
      "train {masked-lm} --data a.txt --output o --optimizer adamx", code: 64,
      stderr: ["unknown optimizer 'adamx'", "Did you mean 'adamw'?"],
      prepare: { try $0.write("a.txt", "he\n") }),
    Row("doctor --tokens 128", code: 64, stderr: ["--tokens has no meaning without --plan."]),
    Row("doctor --plan x --cores 0", code: 64, stderr: ["--cores must be between 1 and 4096."]),
    Row("inspect", code: 64, stderr: ["Missing expected argument '<CKPT>'"]),
    Row("inspect {base} --bogus", code: 64, stderr: ["Unknown option '--bogus'."]),
    Row("inspect", [""], code: 64, stderr: ["The value '' is invalid for '<CKPT>'"]),
    Row(
      "plugins",
      stdout: [
        "weight formats    safetensors", "families          bert", "tasks             masked-lm", "openblas",
      ]),
    Row("plugins --json", stdout: ["\"formats\": [", "\"name\": \"wordpiece\"", "\"backends\": ["]),
  ]

  @Test(arguments: rows) func row(_ row: Row) throws { try row.check() }

  @Test(
    "the help names every event that --json prints",
    arguments: [("train", "Training"), ("run", "Experiment")])
  func events(_ command: String, _ display: String) throws {
    let help = try Sandbox.with { try $0.graft([command, "--help"]).stdout }
    for file in ["Support/\(display)Display.swift", "Commands/\(command.capitalized).swift"] {
      let source = try String(
        contentsOf: repository.appending(path: "Sources/GraftCommandLine/\(file)"), encoding: .utf8)
      let names = source.matches(of: /(?:emit\(\s*|"event", )"([a-z-]+)"/).map { String($0.1) }
      #expect(names.count > 1)
      for name in names {
        #expect(help.contains(try Regex("\\b\(name)[ ,.\n]")), "\(command): \(name)")
      }
    }
  }

  @Test func completionKnowsNames() {
    GraftTool.$plugins.withValue(builtInPlugins) {
      #expect(RegisteredNames.formats.contains("onnx") && RegisteredNames.heads.contains("masked-lm"))
      #expect(RegisteredNames.dialects.contains("keras-hub") && RegisteredNames.backends.contains("openblas"))
      #expect(Set(RegisteredNames.dialects).count == RegisteredNames.dialects.count)
      #expect(RegisteredNames.optimizers.contains("adamw"))
      #expect(RegisteredNames.metricsWriters.contains("tensorboard"))
      #expect(RegisteredNames.models.contains("bert-base-uncased"))
    }
  }

  static let commands = [
    "plugins", "doctor", "inspect", "import", "export", "init", "head list", "head swap", "head detach",
    "head attach", "diff", "verify", "tokenize", "fill-mask", "predict", "tag", "answer", "embed", "search",
    "train",
    "evaluate", "tokenizer train",
  ]

  @Test(arguments: commands) func help(_ command: String) throws {
    try Row(
      "\(command) --help",
      stdout: ["EXAMPLES\n  graft \(command)", "USAGE: graft \(command)", "--json", "--quiet"]
    )
    .check()
    // A line that the terminal's width breaks cannot be copied.
    let lines = try Sandbox.with { try $0.graft(command.split(separator: " ").map(String.init) + ["--help"]) }
      .stdout.split(separator: "\n", omittingEmptySubsequences: false)
    let examples = lines.drop { $0 != "EXAMPLES" }.dropFirst().prefix { !$0.isEmpty }
    #expect(!examples.isEmpty && examples.allSatisfy { $0.hasPrefix("  ") })
  }

  @Test func doctorMeasuresEveryBackend() throws {
    try Sandbox.with { sandbox in
      let outcome = try sandbox.graft(["doctor", "--json"])
      let report = try JSON(parsing: Array(outcome.stdout.utf8))
      let backends = try #require(report["backends"]?.array)
      let reference = backends.first { $0["name"]?.string == "reference" }
      #expect(reference?["speeds"]?["float32"]?["gflops_1_thread"]?.double ?? 0 > 0)
      #expect(report["auto"]?["float32"]?.string != nil)
      #expect(report["copy_gigabytes_per_second"]?.double ?? 0 > 0)
      // Every backend says what it cannot do.
      for backend in backends where backend["speeds"]?["bfloat16"] == nil && backend["name"] != "reference" {
        #expect(backend["works"]?.bool == false || backend["limit"]?.string?.isEmpty == false)
      }
      #expect(report["threads"]?.int ?? 0 > 0)
      #expect(report["memory_bytes"]?.int ?? 0 > 1 << 20)
      #expect(outcome.stderr.contains("measuring reference"))
    }
  }

  @Test func doctorPlansForSeveralMachines() throws {
    try Sandbox.with { sandbox in
      let model = fixtures.appending(path: "bert-tiny/masked-lm").path
      let plan = "doctor --plan \(model) --batch-size 2 --cores 1 16 --bandwidth 10"
      let outcome = try sandbox.shell("$GRAFT \(plan) --tokens 8 --json")
      let report = try JSON(parsing: Array(outcome.stdout.utf8))
      let predictions = try #require(report["networks"]?.array?.first?["predictions"]?.array)
      #expect(predictions.count == 16)
      for prediction in predictions {
        let (seconds, exposed) = (
          prediction["seconds"]?.double ?? 0, prediction["exposed_seconds"]?.double ?? 0
        )
        #expect(exposed > 0 && exposed < seconds)
      }
      let shown = try sandbox.shell("$GRAFT \(plan) --tokens 8")
      #expect(shown.stdout.contains("10 Gb/s\n  nodes  1 core  exposed  share  16 cores"), "\(shown.stdout)")
      let long = try sandbox.shell("$GRAFT \(plan) --tokens 65")
      #expect(long.code == 1 && long.stderr.contains("expected at most 64, found 65"), "\(long.stderr)")
    }
  }

  /// In kilobytes of addresses: more than the program itself takes, and less than it takes with a forward pass.
  @Test(.disabled(if: Sanitizer.isLinked, "a sanitizer takes more addresses than the limit"))
  func outOfMemoryIsASentence() throws {
    try Sandbox.with { sandbox in
      let model = fixtures.appending(path: "bert-tiny/masked-lm").path
      let outcome = try sandbox.shell(
        """
        ulimit -v 400000
        $GRAFT embed \(model) "the quick brown fox" --threads 1 --output vectors.npy --quiet
        """)
      #expect(outcome.code == 1)
      #expect(
        outcome.stderr.wholeMatch(
          of: /graft: error: out of memory: no room for another \d+ MB\. Let .* texts\.\n/) != nil,
        "\(outcome.stderr)")
      #expect(try sandbox.listing().isEmpty)
    }
  }

  /// Memory goes back to where it came from: an allocator that is preloaded gets no other's.
  @Test func aPreloadedAllocatorIsUsed() throws {
    try Sandbox.with { sandbox in
      try sandbox.write("allocator.c", Self.allocator)
      let model = fixtures.appending(path: "bert-tiny/masked-lm").path
      let outcome = try sandbox.shell(
        """
        compiler=$(command -v clang || command -v cc) || exit 77
        $compiler -O1 -fPIC -shared allocator.c -o allocator.so || exit 78
        LD_PRELOAD=./allocator.so $GRAFT embed \(model) "the quick brown fox" --threads 2 --output vectors.npy --quiet
        """)
      if outcome.code == 77 { try Test.cancel("there is no C compiler") }
      #expect(outcome.code == 0 && outcome.stderr.isEmpty, "\(outcome.stderr)")
      #expect(try sandbox.listing().contains { $0.hasPrefix("vectors.npy ") })
    }
  }

  /// Gives from one region, takes nothing back, and ends the program for memory that is not from there.
  private static let allocator = """
    #define _GNU_SOURCE
    #include <errno.h>
    #include <stdatomic.h>
    #include <stddef.h>
    #include <stdint.h>
    #include <string.h>
    #include <sys/mman.h>
    #include <unistd.h>

    enum { HEAD = 16 };
    static const size_t room = (size_t)1 << 36;
    static _Atomic(char *) region;
    static atomic_size_t taken;

    static char *begin(void) {
      char *found = atomic_load(&region);
      if (found) return found;
      char *made = mmap(0, room, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
      if (atomic_compare_exchange_strong(&region, &found, made)) return made;
      munmap(made, room);
      return found;
    }

    static size_t *head(void *memory) {
      if ((char *)memory < begin() || (char *)memory >= begin() + room) {
        static const char text[] = "memory of another allocator\\n";
        if (write(2, text, sizeof text - 1)) _exit(99);
        _exit(99);
      }
      return (size_t *)((char *)memory - HEAD);
    }

    void *memalign(size_t alignment, size_t size) {
      if (alignment < HEAD) alignment = HEAD;
      char *start = begin() + atomic_fetch_add(&taken, size + 2 * alignment + HEAD);
      char *memory = (char *)(((uintptr_t)start + HEAD + alignment - 1) & ~(alignment - 1));
      *head(memory) = size;
      return memory;
    }
    void *malloc(size_t size) { return memalign(HEAD, size); }
    void *calloc(size_t count, size_t size) { return malloc(count * size); }
    void *aligned_alloc(size_t alignment, size_t size) { return memalign(alignment, size); }
    int posix_memalign(void **memory, size_t alignment, size_t size) {
      *memory = memalign(alignment, size);
      return 0;
    }
    size_t malloc_usable_size(void *memory) { return memory ? *head(memory) : 0; }
    void free(void *memory) { if (memory) head(memory); }
    void *realloc(void *memory, size_t size) {
      void *made = malloc(size);
      if (memory) memcpy(made, memory, *head(memory) < size ? *head(memory) : size);
      return made;
    }
    """

  /// OpenBLAS reads its environment while it is loaded, and does not know recent CPUs.
  @Test(arguments: [nil, "Nehalem"]) func openBLASGetsTheBestKernelsUnlessTheUserChooses(_ chosen: String?)
    throws
  {
    try Sandbox.with { sandbox in
      let setting = chosen.map { "OPENBLAS_CORETYPE=\($0)" } ?? "-u OPENBLAS_CORETYPE"
      let outcome = try sandbox.shell("env \(setting) $GRAFT doctor --json")
      let report = try JSON(parsing: Array(outcome.stdout.utf8))
      let backend = report["backends"]?.array?.first { $0["name"]?.string == "openblas" }
      guard backend?["works"]?.bool == true, let summary = backend?["summary"]?.string else {
        try Test.cancel("OpenBLAS is not installed")
      }
      let features = Set((report["features"]?.array ?? []).compactMap(\.string))
      let best =
        features.isSuperset(of: ["avx512f", "avx512dq", "avx512bw", "avx512vl"])
        ? "SkylakeX"
        : features.contains("avx2") ? "Haswell" : nil
      guard let expected = chosen ?? best else { try Test.cancel("this CPU has no AVX2") }
      #expect(summary.contains("\(expected) kernels"))
    }
  }

  @Test func quietSilencesReports() throws {
    try Sandbox.with { sandbox in
      let outcome = try sandbox.graft(["import", "{base}", "--output", "out", "--quiet"])
      #expect(outcome.code == 0 && outcome.stderr.isEmpty)
    }
  }

  /// `graft … | head` closes the pipe early.
  @Test func closedPipeIsNoCrash() throws {
    try Sandbox.with { sandbox in
      let model = sandbox.resolve("{base}")
      let outcome = try sandbox.shell(
        "$GRAFT inspect \(model) --tensors --json | head -1; echo ${PIPESTATUS[0]}; "
          + "trap '' PIPE; $GRAFT inspect \(model) --tensors | head -1; echo ${PIPESTATUS[0]}")
      #expect(outcome.stderr.isEmpty)
      let codes = outcome.stdout.split(separator: "\n").compactMap { Int($0) }
      #expect(codes.count == 2 && [0, 141].contains(codes[0]) && codes[1] == 0, "\(outcome.stdout)")
    }
  }

  @Test func bashCompletes() throws {
    try Sandbox.with { sandbox in
      let outcome = try sandbox.shell(
        """
        source <("$GRAFT" --generate-completion-script bash)
        COMP_WORDS=(graft head ''); COMP_CWORD=2; COMP_LINE='graft head '; COMP_POINT=11
        _graft; echo "${COMPREPLY[@]}"
        COMPREPLY=(); COMP_WORDS=("$GRAFT" run note); COMP_CWORD=2; COMP_LINE="$GRAFT run note"; COMP_POINT=${#COMP_LINE}
        _graft; echo "${COMPREPLY[@]}"
        """)
      let lines = outcome.stdout.split(separator: "\n")
      #expect(lines.first?.contains("list swap label detach attach") == true, "\(outcome.stderr)")
      #expect(lines.last == "notebook notebook-full", "\(outcome.stdout)\n\(outcome.stderr)")
    }
  }

  @Test func fullDeviceIsAnError() throws {
    try Sandbox.with { sandbox in
      let outcome = try sandbox.shell("$GRAFT plugins > /dev/full")
      #expect(outcome.code == 1)
      #expect(
        outcome.stderr == "graft: error: standard output cannot be written (No space left on device).\n")
    }
  }
}

/// What is drawn and counted for people.
@Suite struct FormatTests {
  @Test(arguments: [
    (0, "0"), (999, "999"), (1000, "1,000"), (-1_234_567, "-1,234,567"), (109_482_240, "109,482,240"),
  ])
  func grouped(_ number: Int, _ text: String) { #expect(Format.grouped(number) == text) }

  @Test(arguments: [(0.4, "0:00"), (61, "1:01"), (3661, "1:01:01"), (Double.infinity, "?")])
  func duration(_ seconds: Double, _ text: String) { #expect(Format.duration(seconds) == text) }

  @Test(arguments: [(12, "12 B"), (1500, "1.5 kB"), (440_449_768, "440 MB")])
  func bytes(_ count: Int, _ text: String) { #expect(Format.bytes(count) == text) }

  @Test func tableAligns() {
    let text = Format.table(
      [["a", "1", "x"], ["bcd", "22", ""]], header: ["n", "count", "rest"], alignments: [.left, .right])
    #expect(text == "n    count  rest\na        1  x\nbcd     22")
  }

  @Test("a cell of any length is printed whole, and makes no other one as long") func longCell() {
    let long = String(repeating: "x", count: 5000)
    let lines = Format.table([[long, "1"], ["a", "2"]]).split(separator: "\n")
    #expect(lines[0] == "\(long)  1")
    #expect(lines[1].count < 2100 && lines[1].hasSuffix("  2"))
  }

  @Test func progressLine() {
    let line = ProgressBar.line(
      "training", unit: "steps", count: 25, total: 100, sinceStart: 20, seconds: 10, detail: "loss 1.25",
      width: 80)
    #expect(line.count < 80)
    #expect(line.contains("25/100  2.00 steps/s  loss 1.25  ETA 0:38"))
    let narrow = ProgressBar.line(
      "training", unit: "steps", count: 25, total: 100, sinceStart: 20, seconds: 10, detail: "loss 1.25",
      width: 30)
    #expect(narrow.count < 30)
    for (share, shown) in [(Double.nan, "  0% ·"), (-.infinity, "  0% ·"), (1e300, "100% █")] {
      let line = ProgressBar.line("training", share: share, facts: [], width: 80)
      #expect(line.hasPrefix("training \(shown)"), "\(line)")
    }
    #expect([-1e300, .nan, .infinity, 3661].map(Format.duration) == ["?", "?", "?", "1:01:01"])
  }

  @Test(arguments: [
    ("5GB", 5_000_000_000), ("200mb", 200_000_000), ("7", 7), ("0", nil), ("x", nil), ("9999999999GB", nil),
  ])
  func byteCount(_ text: String, _ value: Int?) { #expect(ByteCount(argument: text)?.value == value) }
}
