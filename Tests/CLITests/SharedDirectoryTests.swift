import Foundation
import Testing

/// Several processes in one directory, and directories that belong to somebody else.
@Suite struct SharedDirectoryTests {
  @Test("a second run in the directory of one at work is refused, and harms nothing") func training() throws {
    try Sandbox.with { sandbox in
      try sandbox.copy("sequence-classification")
      try sandbox.write("data.csv", "text,label\n" + String(repeating: "the world,World\n", count: 64))
      let outcome = try sandbox.shell(
        """
        train="$GRAFT train model --data data.csv --batch-size 1 --save-steps 8 --report-to none"
        $train --max-steps 400 --output o 2>log >/dev/null & pid=$!
        while [ ! -e o/checkpoint-8 ] && kill -0 $pid; do sleep 0.02; done
        $train --max-steps 400 --output o --resume; echo $?
        wait $pid; echo $?
        $train --max-steps 400 --output o --resume -q >/dev/null; echo $?
        """)
      #expect(outcome.stdout == "1\n0\n0\n", "\(outcome.stderr)")
      #expect(outcome.stderr.contains("o: another process is at work in this directory. Wait for it"))
    }
  }

  @Test("what lies in a directory without a run stays") func foreignDirectory() throws {
    try Sandbox.with { sandbox in
      try sandbox.copy("sequence-classification")
      try sandbox.write("data.csv", "text,label\nthe world,World\n")
      for name in [".keep.partial-7", ".x.retired-3", ".checkpoint-1.partial-x"] {
        try sandbox.write("o/\(name)", "")
      }
      let before = try sandbox.listing()
      let outcome = try sandbox.graft(["train", "model", "--data", "data.csv", "--output", "o", "--resume"])
      #expect(outcome.code == 1)
      #expect(try sandbox.listing() == before)
    }
  }

  @Test("models that are added at the same time are all there") func catalogue() throws {
    try Sandbox.with { sandbox in
      let outcome = try sandbox.shell(
        """
        export GRAFT_ZOO=$PWD/zoo/zoo.json
        for i in 1 2 3 4 5 6 7 8; do $GRAFT zoo add m$i \(sandbox.resolve("{base}")) >/dev/null & done; wait
        grep -c '"path"' zoo/zoo.json; ls -A zoo
        """)
      #expect(outcome.stdout == "8\nzoo.json\n", "\(outcome.stderr)")
    }
  }

  @Test("a damaged newest checkpoint is named, with the one before it") func damagedCheckpoint() throws {
    try Sandbox.with { sandbox in
      try sandbox.copy("sequence-classification")
      try sandbox.write("data.csv", "text,label\n" + String(repeating: "the world,World\n", count: 8))
      let train = [
        "train", "model", "--data", "data.csv", "--output", "o", "--max-steps", "3", "--save-steps", "1",
        "-q",
      ]
      try #require(try sandbox.graft(train).code == 0)
      for name in ["model.safetensors", "train_results.json", "all_results.json"] {
        try FileManager.default.removeItem(at: sandbox.url("o/\(name)"))
      }
      try sandbox.write("o/checkpoint-3/model.safetensors", "")
      let damaged = try sandbox.graft(train + ["--resume"])
      #expect(damaged.code == 1)
      #expect(
        damaged.stderr.contains(
          "o/checkpoint-3/model.safetensors: an empty file, not weights. Remove checkpoint-3: --resume then goes on from checkpoint-2.\n"
        ))
      try FileManager.default.removeItem(at: sandbox.url("o/checkpoint-3"))
      #expect(try sandbox.graft(train + ["--resume"]).code == 0)
    }
  }
}
