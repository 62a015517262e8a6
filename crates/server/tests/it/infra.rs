//! Locations and storages.

use app::infra::{
    InfraChange, NewInfra, create, create_location, delete, delete_location, get, list, location_storages,
    rename_location, tenant_locations, tenant_storages, update,
};
use app::{Error, Result, Rule};
use domain::access::Role;
use domain::ids::{InfraId, TenantId};
use domain::infra::{BackendType, Capability};
use domain::tenant::TenantKind;
use http_api::api::infra::wire::{Infra, PostInfra, PutInfra};
use http_api::json::decode;
use serde_json::{Value, json};
use testkit::TestApp;

use crate::offering_items::turn;

fn new(owner_id: TenantId) -> NewInfra {
    NewInfra {
        owner_id,
        location_id: None,
        name: "Cellar".to_owned(),
        url: "s3://key:secret@cellar.example.com/bucket".to_owned(),
        capabilities: vec![Capability::Backup, Capability::Backup],
        content_url: None,
        content_mobile_url: None,
        backend_type: None,
    }
}

fn rule<T: std::fmt::Debug>(result: Result<T>) -> Rule {
    match result {
        Err(Error::Rule { rule, .. }) => rule,
        other => panic!("{other:?}"),
    }
}

async fn backup_storage(test: &TestApp) -> InfraId {
    let root = test.caller(test.top, Role::RootAdmin).await;
    let ids = tenant_storages(&test.app, &root, test.top).await.unwrap();
    let storages = list(&test.app, &root, &ids).await.unwrap();
    let of_backup =
        |seen: &app::infra::Seen<domain::infra::Infra>| seen.object.capabilities == [Capability::Backup];
    storages.into_iter().find(of_backup).unwrap().object.id
}

#[tokio::test]
async fn those_below_read_and_only_administrators_of_the_owner_write() {
    let test = TestApp::at("2026-05-08T10:00:00Z").await;
    let north = test.tenant(test.top, TenantKind::Partner, "North").await;
    let south = test.tenant(test.top, TenantKind::Partner, "South").await;
    let customer = test.tenant(north, TenantKind::Customer, "Harbour").await;
    let (mine, other) =
        (test.caller(north, Role::PartnerAdmin).await, test.caller(south, Role::PartnerAdmin).await);
    let buyer = test.caller(customer, Role::CompanyAdmin).await;
    let viewer = test.caller(north, Role::ReadonlyAdmin).await;
    let made = create(&test.app, &mine, new(north)).await.unwrap();
    let id = made.object.id;
    assert!(!made.readonly && !made.object.platform_owned);
    assert_eq!(made.object.capabilities, [Capability::Backup]);
    assert!(get(&test.app, &buyer, id).await.unwrap().readonly);
    assert!(!get(&test.app, &viewer, id).await.unwrap().readonly);
    let platform = get(&test.app, &mine, backup_storage(&test).await).await.unwrap();
    assert!(platform.readonly && platform.object.platform_owned);
    assert!(matches!(get(&test.app, &other, id).await, Err(Error::Forbidden)));
    assert!(list(&test.app, &other, &[id, InfraId(test.app.ids.other().unwrap())]).await.unwrap().is_empty());
    let change = || InfraChange { version: 1, name: Some("Attic".to_owned()), ..InfraChange::default() };
    for refused in [&other, &buyer, &viewer] {
        assert!(matches!(update(&test.app, refused, id, change()).await, Err(Error::Forbidden)));
        assert!(matches!(delete(&test.app, refused, id, 1, true).await, Err(Error::Forbidden)));
        assert!(matches!(create(&test.app, refused, new(north)).await, Err(Error::Forbidden)));
    }
    assert!(matches!(update(&test.app, &mine, platform.object.id, change()).await, Err(Error::Forbidden)));
    assert_eq!(tenant_storages(&test.app, &buyer, customer).await.unwrap().len(), 4);
    assert_eq!(tenant_storages(&test.app, &other, south).await.unwrap().len(), 3);
    assert_eq!(tenant_locations(&test.app, &buyer, customer).await.unwrap().len(), 2);
    assert_eq!(location_storages(&test.app, &mine, made.object.location_id).await.unwrap(), [id]);
}

#[tokio::test]
async fn credentials_stay_when_the_shown_address_is_sent_back() {
    let test = TestApp::at("2026-05-08T10:00:00Z").await;
    let root = test.caller(test.top, Role::RootAdmin).await;
    let made = create(&test.app, &root, new(test.top)).await.unwrap();
    let id = made.object.id;
    let mut shown = serde_json::to_value(Infra::from(made)).unwrap();
    assert_eq!(shown["url"], "s3://cellar.example.com/bucket");
    shown["backend_type"] = json!("amazon_s3");
    let body: PutInfra = decode(shown.to_string().as_bytes()).unwrap();
    let changed = update(&test.app, &root, id, body.into()).await.unwrap().object;
    assert_eq!(changed.url, "s3://key:secret@cellar.example.com/bucket");
    assert_eq!((changed.backend_type, changed.version), (Some(BackendType::AmazonS3), 2));
    let cleared: PutInfra = decode(br#"{"version":"2","backend_type":null}"#).unwrap();
    assert_eq!(update(&test.app, &root, id, cleared.into()).await.unwrap().object.backend_type, None);
    let stale = InfraChange { version: 2, ..InfraChange::default() };
    assert!(matches!(update(&test.app, &root, id, stale).await, Err(Error::Stale { current: 3, .. })));
}

#[tokio::test]
async fn a_storage_in_use_stays() {
    let test = TestApp::at("2026-05-08T10:00:00Z").await;
    let root = test.caller(test.top, Role::RootAdmin).await;
    let partner = test.tenant(test.top, TenantKind::Partner, "North").await;
    let customer = test.tenant(partner, TenantKind::Customer, "Harbour").await;
    let id = backup_storage(&test).await;
    turn(&test, partner, &["storage"], true).await.unwrap();
    turn(&test, customer, &["storage"], true).await.unwrap();
    for force in [false, true] {
        assert_eq!(rule(delete(&test.app, &root, id, 1, force).await), Rule::StorageInUse);
    }
    let narrowed =
        InfraChange { version: 1, capabilities: Some(vec![Capability::Vcd]), ..InfraChange::default() };
    assert_eq!(rule(update(&test.app, &root, id, narrowed).await), Rule::StorageInUse);
    turn(&test, customer, &["storage"], false).await.unwrap();
    assert_eq!(rule(delete(&test.app, &root, id, 1, false).await), Rule::StorageInUse);
    assert!(matches!(delete(&test.app, &root, id, 7, true).await, Err(Error::Stale { .. })));
    delete(&test.app, &root, id, 1, true).await.unwrap();
    assert!(matches!(get(&test.app, &root, id).await, Err(Error::NotFound { .. })));
    let left =
        app::offering_items::list(&test.app, &root, partner, &app::offering_items::Filter::default()).await;
    assert!(left.unwrap().iter().all(|item| item.infra_id != Some(id)));
    let mut conn = test.app.read().await.unwrap();
    let no = store::infra::numbers(&mut conn).await.unwrap();
    assert_eq!(no.no(id), None);
}

#[tokio::test]
async fn locations_are_renamed_and_deleted_when_empty() {
    let test = TestApp::at("2026-05-08T10:00:00Z").await;
    let north = test.tenant(test.top, TenantKind::Partner, "North").await;
    let mine = test.caller(north, Role::PartnerAdmin).await;
    let made = create_location(&test.app, &mine, north, "Oslo").await.unwrap().object;
    assert_eq!((made.version, made.platform_owned, made.owner_id), (1, false, north));
    assert!(matches!(create_location(&test.app, &mine, test.top, "X").await, Err(Error::Forbidden)));
    assert!(matches!(create_location(&test.app, &mine, north, "a\u{7}b").await, Err(Error::Invalid { .. })));
    let renamed = rename_location(&test.app, &mine, made.id, 1, "Bergen").await.unwrap().object;
    assert_eq!((renamed.version, renamed.name.as_str()), (2, "Bergen"));
    let infra = create(&test.app, &mine, new(north)).await.unwrap().object;
    assert_eq!(infra.location_id, made.id, "the owner's first location is taken");
    assert_eq!(rule(delete_location(&test.app, &mine, made.id, 2).await), Rule::StorageInUse);
    delete(&test.app, &mine, infra.id, 1, false).await.unwrap();
    delete_location(&test.app, &mine, made.id, 2).await.unwrap();
    assert_eq!(tenant_locations(&test.app, &mine, north).await.unwrap().len(), 1);
    let infra = create(&test.app, &mine, new(north)).await.unwrap().object;
    let location = app::infra::location(&test.app, &mine, infra.location_id).await.unwrap().object;
    assert_eq!((location.name.as_str(), location.owner_id), ("Default", north));
}

#[tokio::test]
async fn bad_storages_are_refused() {
    let test = TestApp::at("2026-05-08T10:00:00Z").await;
    let root = test.caller(test.top, Role::RootAdmin).await;
    let wrong: [(&str, NewInfra); 4] = [
        ("url", NewInfra { url: "https://example.com".to_owned(), ..new(test.top) }),
        ("url", NewInfra { url: "abgw://".to_owned(), ..new(test.top) }),
        ("capabilities", NewInfra { capabilities: Vec::new(), ..new(test.top) }),
        ("name", NewInfra { name: "line\nbreak".to_owned(), ..new(test.top) }),
    ];
    for (expected, infra) in wrong {
        let refused = create(&test.app, &root, infra).await;
        assert!(matches!(refused, Err(Error::Invalid { ref field, .. }) if field == expected), "{refused:?}");
    }
    let closed = decode::<PostInfra>(br#"{"surprise":1}"#).unwrap_err();
    assert!(closed.to_string().starts_with("surprise"));
}

#[test]
fn the_published_storage_is_written() {
    let published: Value = serde_json::from_str(r#"{"id":"8fcd353b-0a40-40f2-9a55-ef8137d48800","owner_tenant_id":"0bb386ae-e66d-4e7b-84fb-cddcf60002de","location_id":"f79546d7-d051-4e19-96f3-4cc68c2c5575","platform_owned":true,"name":"EU2 storage","url":"abgw://storage20.example.com:44445","capabilities":["backup","files_cloud"],"backend_type":null,"version":3,"readonly":false}"#).unwrap();
    let object = domain::infra::Infra {
        no: domain::ids::InfraNo(1),
        id: "8fcd353b-0a40-40f2-9a55-ef8137d48800".parse().unwrap(),
        owner: domain::ids::TenantNo(1),
        owner_id: "0bb386ae-e66d-4e7b-84fb-cddcf60002de".parse().unwrap(),
        location_id: "f79546d7-d051-4e19-96f3-4cc68c2c5575".parse().unwrap(),
        platform_owned: true,
        name: "EU2 storage".to_owned(),
        url: "abgw://storage20.example.com:44445".to_owned(),
        capabilities: vec![Capability::Backup, Capability::FilesCloud],
        content_url: None,
        content_mobile_url: None,
        backend_type: None,
        version: 3,
    };
    let written = Infra::from(app::infra::Seen { object, readonly: false });
    assert_eq!(serde_json::to_value(written).unwrap(), published);
}
