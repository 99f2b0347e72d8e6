//! What a client finds when it knocks: reflection and health.

use tonic_reflection::pb::v1::ServerReflectionRequest;
use tonic_reflection::pb::v1::server_reflection_client::ServerReflectionClient;
use tonic_reflection::pb::v1::server_reflection_request::MessageRequest;
use tonic_reflection::pb::v1::server_reflection_response::MessageResponse;

use crate::world::World;

async fn reflect(world: &World, message: MessageRequest) -> MessageResponse {
    let request = ServerReflectionRequest { host: String::new(), message_request: Some(message) };
    let mut client = ServerReflectionClient::new(world.channel.clone());
    let mut stream = client.server_reflection_info(tokio_stream::iter([request])).await.unwrap().into_inner();
    stream.message().await.unwrap().unwrap().message_response.unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn reflection_knows_the_services_and_the_details_of_errors() {
    let world = World::start().await;
    let MessageResponse::ListServicesResponse(list) =
        reflect(&world, MessageRequest::ListServices(String::new())).await
    else {
        panic!("no list of services")
    };
    let names: Vec<_> = list.service.iter().map(|service| service.name.as_str()).collect();
    for service in ["ImageService", "LaunchService", "AuditService", "PolicyService"] {
        assert!(names.contains(&format!("gantry.v1.{service}").as_str()), "{service} is not among {names:?}");
    }
    assert!(names.contains(&"grpc.health.v1.Health"));
    for symbol in
        ["google.rpc.ErrorInfo", "google.rpc.BadRequest", "google.rpc.PreconditionFailure", "gantry.v1.Launch"]
    {
        let answer = reflect(&world, MessageRequest::FileContainingSymbol(symbol.to_owned())).await;
        assert!(matches!(answer, MessageResponse::FileDescriptorResponse(_)), "{symbol}: {answer:?}");
    }
    use tonic_reflection::pb::v1alpha;
    let mut old = v1alpha::server_reflection_client::ServerReflectionClient::new(world.channel.clone());
    let request = v1alpha::ServerReflectionRequest {
        host: String::new(),
        message_request: Some(v1alpha::server_reflection_request::MessageRequest::ListServices(String::new())),
    };
    let mut stream = old.server_reflection_info(tokio_stream::iter([request])).await.unwrap().into_inner();
    assert!(stream.message().await.unwrap().is_some(), "grpcurl 1.8 asks by v1alpha");
}

#[tokio::test(flavor = "multi_thread")]
async fn health_is_serving_for_every_service() {
    let world = World::start().await;
    let mut health = tonic_health::pb::health_client::HealthClient::new(world.channel.clone());
    for service in ["", "gantry.v1.ImageService", "gantry.v1.LaunchService", "gantry.v1.AuditService"] {
        let request = tonic_health::pb::HealthCheckRequest { service: service.to_owned() };
        let answer = health.check(request).await.unwrap().into_inner();
        assert_eq!(answer.status(), tonic_health::pb::health_check_response::ServingStatus::Serving, "{service}");
    }
}
