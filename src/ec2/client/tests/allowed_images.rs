//! GetAllowedImagesSettings over the wire.

use super::responder::{Reply, Responder};

#[tokio::test]
async fn the_allowed_images_settings_are_read_whole() {
    let answer = Reply::ok(
        "GetAllowedImagesSettings",
        "<state>audit-mode</state><managedBy>declarative-policy</managedBy><imageCriterionSet><item>\
         <imageProviderSet><item>amazon</item><item>123456789012</item></imageProviderSet>\
         <imageNameSet><item>al2023-*</item></imageNameSet>\
         <creationDateCondition><maximumDaysSinceCreated>90</maximumDaysSinceCreated></creationDateCondition>\
         <scanResultCondition><maximumSeverityLabel>medium</maximumSeverityLabel></scanResultCondition>\
         </item></imageCriterionSet>",
    );
    let nothing = Reply::ok("GetAllowedImagesSettings", "<state>disabled</state>");
    let server = Responder::start([answer, nothing]).await;
    let client = server.client().await;

    let settings = client.allowed_images().await.unwrap();
    assert_eq!(settings.state.as_deref(), Some("audit-mode"));
    assert_eq!(settings.managed_by.as_deref(), Some("declarative-policy"));
    let [criterion] = &settings.criteria[..] else { panic!("one criterion") };
    assert_eq!(criterion.image_providers, ["amazon", "123456789012"]);
    assert_eq!(criterion.image_names, ["al2023-*"]);
    assert_eq!(criterion.maximum_days_since_created, Some(90));
    assert_eq!(criterion.maximum_days_since_deprecated, None);
    let scan = criterion.scan_result.as_ref().unwrap();
    assert_eq!(scan.maximum_severity_label.as_deref(), Some("medium"));

    let off = client.allowed_images().await.unwrap();
    assert_eq!((off.state.as_deref(), off.criteria.len()), (Some("disabled"), 0));
    assert_eq!(server.asked()[0].get("Action").map(String::as_str), Some("GetAllowedImagesSettings"));
}
