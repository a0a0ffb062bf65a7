import GraftTensors

/// Rows in parts of the same size, each of which is the test set once.
///
/// Where rows have classes, each class is spread as evenly as can be: as many rows of it are in each part as in those of
/// scikit-learn's `StratifiedKFold`, else as many rows as in those of `KFold`. Which rows they are follows from the seed.
package struct Folds: Sendable, Equatable {
  /// How many parts there are.
  package let count: Int
  package let seed: UInt64
  /// The part of each row, from 0.
  package let parts: [Int]
  /// Whether each class is spread evenly.
  package let isStratified: Bool

  /// - Parameters:
  ///   - classes: The class of each row, as it is written; `nil` for rows without. Rows are spread by them where every
  ///     row has one, and each class has at least `count` rows.
  ///   - count: At least 2, and at most the number of rows.
  package init(_ classes: [String?], count: Int, seed: UInt64) {
    (self.count, self.seed) = (count, seed)
    var (names, sizes): ([String: Int], [Int]) = ([:], [])
    // Numbered in the order in which they come, as in scikit-learn.
    var numbers = classes.map { name -> Int? in
      guard let name else { return nil }
      let number = names[name] ?? names.count
      if number == sizes.count {
        names[name] = number
        sizes.append(0)
      }
      sizes[number] += 1
      return number
    }
    isStratified = !numbers.contains(nil) && sizes.allSatisfy { $0 >= count }
    if !isStratified { (numbers, sizes) = (classes.map { _ in 0 }, [classes.count]) }
    let randomness = Randomness(seed)
    var parts = [Int](repeating: 0, count: classes.count)
    var before = 0
    for (number, size) in sizes.enumerated() {
      // Of all rows in the order of their classes, one after another goes to each part.
      let own = (before..<(before + size)).map { $0 % count }.sorted()
      let rows = numbers.indices.filter { numbers[$0] == number }
      for (part, place) in zip(own, randomness.fold(class: number, count: size)) { parts[rows[place]] = part }
      before += size
    }
    self.parts = parts
  }

  /// The rows of a part, or all others.
  package func rows(ofPart part: Int, isTest: Bool) -> [Int] {
    parts.indices.filter { (parts[$0] == part) == isTest }
  }
}
