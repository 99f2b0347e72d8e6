//! Making a durable group known: hashes to the tree, rows to index and store, the checkpoint, subscribers.

use super::super::facet::IndexRow;
use super::super::log::Shared;
use super::super::staging::LaunchCache;
use super::super::tree::Tree;
use super::failure::CommitError;
use super::group::Group;
use crate::crash;

/// Makes a durable group known. Its rows are taken out of it.
///
/// # Errors
/// [`CommitError`]; the log must take no more then.
pub(super) fn make_known(
    shared: &Shared,
    tree: &mut Tree,
    cache: &mut LaunchCache,
    group: &mut Group,
) -> Result<(), CommitError> {
    let leaf_hashes = group.written().flat_map(|append| append.leaf_hashes.iter().copied());
    tree.append(leaf_hashes).map_err(CommitError::Tree)?;
    let entries = || group.written().flat_map(|append| &append.entries);
    shared.table.last().push_rows(entries().map(|entry| {
        let image = entry.launch_id.and_then(|id| group.rows.image_of(id));
        IndexRow::of(entry, image)
    }));
    let store = shared.store();
    let store = store.as_ref().expect("only the writer closes the store, and then it ends");
    let rows = std::mem::take(&mut group.rows).finish(cache);
    let pruned_below = group.written().filter_map(|append| Some(append.pruning.as_ref()?.record.end)).max();
    // Before the rows are gone, for whoever reads and then looks, and after, for whoever looks and then reads.
    pruned_below.into_iter().for_each(|end| shared.retention.removes_below(end));
    store.extend(rows, group.end)?;
    pruned_below.into_iter().for_each(|end| shared.retention.removed_below(end));
    group.kinds().iter().for_each(|kind| crash::point_for("store.after_apply", kind));
    shared.publish(tree.checkpoint()?);
    shared.topics.announce(group.written().flat_map(|append| &append.entries), group.end);
    Ok(())
}
