//! Where a packet crosses a link.

/// The index of a node in the topology.
pub(super) type NodeId = usize;

/// A link that a packet crosses, from node to node.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Crossing {
    pub link: usize,
    pub from: NodeId,
    pub to: NodeId,
}
