//! What a message from the queue of events is good for.

use super::*;

#[tokio::test]
async fn a_hint_has_what_is_looked_at_rarely_looked_at_soon() {
    let dir = tempfile::tempdir().unwrap();
    let mut world = world(dir.path()).await;
    world.watch(&id(1));
    world.show(&id(1), "running", None, Some("initializing")).await;
    let uptime = Duration::from_secs(60 * 60);
    world.clock.advance(uptime);
    let due = &mut world.poller.followed.get_mut(&id(1)).unwrap().due;
    due.state_answered(true, &TrackerSettings::default(), uptime, 0);
    let rarely = due.next_state().unwrap();
    assert!(uptime + Duration::from_secs(10) < rarely, "it is old: {rarely:?}");
    for number in [2, 1] {
        // One that nobody follows is no reason to look at anything.
        let hint = Hint { instance_id: id(number), interruption: None };
        world.poller.take(vec![Command::Hint(hint)]).await.unwrap();
        let soon = world.poller.followed[&id(1)].due.next_state().unwrap();
        assert_eq!(soon <= uptime + Duration::from_secs(2), number == 1, "{soon:?}");
    }
}
