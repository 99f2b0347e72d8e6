//! DescribeLaunchTemplateVersions over the wire.

use super::responder::{Reply, Responder};
use crate::ec2::ErrorClass;
use crate::ec2::template::TemplateName;

#[tokio::test]
async fn one_version_is_asked_for_and_read() {
    let version = "<item><launchTemplateId>lt-1</launchTemplateId><versionNumber>3</versionNumber>\
        <launchTemplateData><imageId>ami-12345678</imageId><monitoring><enabled>true</enabled></monitoring>\
        </launchTemplateData></item>";
    let answer = |items: &str| {
        let set = format!("<launchTemplateVersionSet>{items}</launchTemplateVersionSet>");
        Reply::ok("DescribeLaunchTemplateVersions", &set)
    };
    let missing = Reply::error(400, "InvalidLaunchTemplateId.VersionNotFound", "no version 9");
    let server = Responder::start([answer(version), answer(&version.repeat(2)), answer(""), missing]).await;
    let client = server.client().await;

    let read = client.launch_template(TemplateName::Name("web"), "$Latest").await.unwrap().unwrap();
    assert_eq!((read.launch_template_id.as_str(), read.version_number), ("lt-1", 3));
    assert_eq!(read.data.image_id.as_deref(), Some("ami-12345678"));
    assert_eq!(read.uncarried[0].field, "monitoring.enabled");
    let asked = &server.asked()[0];
    for (name, value) in [("LaunchTemplateName", "web"), ("LaunchTemplateVersion.1", "$Latest")] {
        assert_eq!(asked.get(name).map(String::as_str), Some(value), "{name}");
    }
    let odd = client.launch_template(TemplateName::Id("lt-1"), "3").await.unwrap_err();
    assert_eq!(odd.code(), "EC2_ANSWER_UNREADABLE");
    assert_eq!(client.launch_template(TemplateName::Id("lt-1"), "3").await, Ok(None));
    let missing = client.launch_template(TemplateName::Id("lt-1"), "9").await.unwrap_err();
    assert_eq!(missing.class(), ErrorClass::NotFound);
    assert_eq!(server.asked()[3].get("LaunchTemplateId").map(String::as_str), Some("lt-1"));
}
