import GraftTensors

extension SharedMemory {
  /// Memory of rank 0 that all ranks see.
  ///
  /// - Returns: `nil` on all ranks where one does not see it.
  static func ofLeader(in group: any ProcessGroup, byteCount: Int) throws -> SharedMemory? {
    guard Set(group.hosts).count == 1 else { return nil }
    let own = group.leads ? SharedMemory(byteCount: byteCount) : nil
    let place = try group.valueFromLeader { own?.place }
    let memory = own ?? place.flatMap(SharedMemory.init)
    // Rank 0 keeps its own until all have looked for it.
    return try group.any(memory == nil) ? nil : memory
  }

  /// Memory of each rank that all ranks see, in the order of ranks.
  ///
  /// - Returns: `nil` on all ranks where one does not see another's.
  static func ofEach(in group: any ProcessGroup, byteCount: Int) throws -> [SharedMemory]? {
    guard Set(group.hosts).count == 1 else { return nil }
    let own = SharedMemory(byteCount: byteCount)
    let places: [Place?] = try group.gather(Shared.bytes(own?.place)).map { try Shared.value($0) }
    let memory = places.enumerated().compactMap { rank, place in
      rank == group.rank ? own : place.flatMap(SharedMemory.init)
    }
    return try group.any(memory.count < group.size) ? nil : memory
  }
}
