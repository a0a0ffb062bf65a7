/// The version of Graft.
public let graftVersion = "0.1.0"
