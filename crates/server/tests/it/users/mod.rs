//! Users.

mod activation;
mod email;
mod lists;
mod passwords;
mod policies;

use app::clients::NewClient;
use app::users::{self, Myself};
use app::{Caller, Error, Rule};
use domain::access::{Actor, ClientAuthMethod, ClientType, Role};
use domain::ids::{TenantId, UserId};
use domain::tenant::TenantKind;
use http_api::api::users::body::{CurrentUser, NewUserBody, User, UserBody};
use http_api::json::decode;
use serde_json::{Value, json};
use store::args;
use testkit::{TestApp, at};

use crate::tenants::{breaks, get as get_tenant, refuses};

const NOW: &str = "2026-05-08T10:58:53Z";

/// Makes a user with this login, and gives it as an answer shows it.
pub(crate) async fn create(
    test: &TestApp,
    caller: &Caller,
    tenant: TenantId,
    login: &str,
) -> Result<Value, Error> {
    let contact = json!({"email":format!("{login}@harbour.example")});
    post(test, caller, &json!({"tenant_id":tenant,"login":login,"contact":contact})).await
}

async fn post(test: &TestApp, caller: &Caller, body: &Value) -> Result<Value, Error> {
    let body: NewUserBody = decode(body.to_string().as_bytes())?;
    Ok(shown(users::create(&test.app, caller, body.into()).await?))
}

async fn put(test: &TestApp, caller: &Caller, id: UserId, body: &Value) -> Result<Value, Error> {
    let body: UserBody = decode(body.to_string().as_bytes())?;
    Ok(shown(users::update(&test.app, caller, id, body.into()).await?))
}

fn shown(user: domain::user::User) -> Value {
    serde_json::to_value(User::from(user)).unwrap()
}

pub(crate) fn id_of(user: &Value) -> UserId {
    user["id"].as_str().unwrap().parse().unwrap()
}

/// A partner with a customer, and its administrator.
async fn customer_with_admin(test: &TestApp) -> (TenantId, Caller) {
    let partner = test.tenant(test.top, TenantKind::Partner, "North").await;
    let customer = test.tenant(partner, TenantKind::Customer, "Harbour").await;
    (customer, test.caller(partner, Role::PartnerAdmin).await)
}

#[tokio::test]
async fn a_new_user_is_answered_as_in_the_published_example() {
    let test = TestApp::at(NOW).await;
    let (customer, caller) = customer_with_admin(&test).await;
    let body = json!({"tenant_id":customer,"login":"jdoe",
        "contact":{"email":"jdoe@harbour.example","firstname":"J","lastname":"Doe"},"notifications":["reports"]});
    let user = post(&test, &caller, &body).await.unwrap();
    let expected = json!({"id":user["id"],"version":1,"tenant_id":customer,"login":"jdoe",
        "contact":{"id":user["contact"]["id"],"created_at":NOW,"updated_at":NOW,"types":[],
            "email":"jdoe@harbour.example","firstname":"J","lastname":"Doe","address1":"","address2":"","country":"",
            "state":"","city":"","zipcode":"","phone":"","title":"","website":"","industry":"","organization_size":"",
            "email_confirmed":false,"aan":"","fax":"","language":""},
        "activated":false,"enabled":true,"terms_accepted":false,"created_at":NOW,"updated_at":NOW,"deleted_at":null,
        "language":"en","idp_id":"11111111-1111-1111-1111-111111111111",
        "personal_tenant_id":user["personal_tenant_id"],"business_types":[],"notifications":["reports"],
        "mfa_status":"disabled","access_policies":[],"origin_id":null,"origin_external_id":null,"disable_after":null,
        "external_operation_status":null});
    assert_eq!(user, expected);
    let read = users::get(&test.app, &caller, id_of(&user), false).await.unwrap();
    assert_eq!(shown(read), expected);
}

#[tokio::test]
async fn users_of_customers_and_units_have_a_personal_tenant_that_no_list_shows() {
    let test = TestApp::at(NOW).await;
    let (customer, caller) = customer_with_admin(&test).await;
    let user = create(&test, &caller, customer, "jdoe").await.unwrap();
    let personal = user["personal_tenant_id"].as_str().unwrap().parse().unwrap();
    let unit = get_tenant(&test, &caller, personal).await.unwrap();
    assert_eq!((&unit["kind"], &unit["owner_id"]), (&json!("unit"), &user["id"]));
    assert_eq!(get_tenant(&test, &caller, customer).await.unwrap()["has_children"], false);
    let order = app::tenants::Order::default();
    assert!(app::tenants::children(&test.app, &caller, customer, &order, true).await.unwrap().is_empty());
    let body = json!({"name":"x","parent_id":personal,"kind":"unit"});
    breaks(crate::tenants::create(&test, &caller, &body).await, Rule::Business);
    breaks(create(&test, &caller, personal, "other").await, Rule::Business);
    let seller = create(&test, &caller, caller.tenant_id, "seller").await.unwrap();
    assert_eq!(seller["personal_tenant_id"], Value::Null);
    assert_eq!(seller["notifications"], json!(["quota", "reports", "backup_daily_report"]));
    put(&test, &caller, id_of(&user), &json!({"version":1,"enabled":false})).await.unwrap();
    users::delete(&test.app, &caller, id_of(&user), 2).await.unwrap();
    assert!(matches!(get_tenant(&test, &caller, personal).await, Err(Error::NotFound { .. })));
}

#[tokio::test]
async fn logins_keep_their_rules() {
    let test = TestApp::at(NOW).await;
    let (customer, caller) = customer_with_admin(&test).await;
    let first = create(&test, &caller, customer, " jdoe ").await.unwrap_err();
    assert!(matches!(first, Error::Invalid { .. }), "the address has white space: {first}");
    let body = json!({"tenant_id":customer,"login":" jdoe ","contact":{"email":"a@b","nickname":"open"}});
    assert_eq!(post(&test, &caller, &body).await.unwrap()["login"], "jdoe");
    breaks(create(&test, &caller, customer, "jdoe").await, Rule::LoginTaken);
    breaks(create(&test, &caller, customer, "jd").await, Rule::BadLogin);
    let by_email = json!({"tenant_id":customer,"contact":{"email":"kim@harbour.example"}});
    let kim = post(&test, &caller, &by_email).await.unwrap();
    assert_eq!(kim["login"], "kim@harbour.example");
    breaks(put(&test, &caller, id_of(&kim), &json!({"version":1,"login":"jdoe"})).await, Rule::LoginTaken);
    refuses(post(&test, &caller, &json!({"tenant_id":customer,"login":"abc"})).await, "contact");
    let no_email = json!({"tenant_id":customer,"login":"abc","contact":{}});
    refuses(post(&test, &caller, &no_email).await, "contact.email");
    let unknown = json!({"tenant_id":customer,"login":"abc","contact":{"email":"a@b"},"surprise":1});
    refuses(post(&test, &caller, &unknown).await, "surprise");
}

#[tokio::test]
async fn a_fetched_user_can_be_sent_back_and_given_members_change() {
    let test = TestApp::at(NOW).await;
    let (customer, caller) = customer_with_admin(&test).await;
    let user = create(&test, &caller, customer, "jdoe").await.unwrap();
    let mut expected = user.clone();
    expected["version"] = json!(2);
    assert_eq!(put(&test, &caller, id_of(&user), &user).await.unwrap(), expected);
    let body = json!({"version":"2","enabled":"false","language":"de","notifications":["reports","quota","reports"],
        "business_types":["buyer"],"disable_after":"2027-01-01T02:00:00+02:00","contact":{"email":"new@b","types":null}});
    let user = put(&test, &caller, id_of(&user), &body).await.unwrap();
    assert_eq!(user["disable_after"], "2027-01-01T00:00:00Z");
    assert_eq!(user["notifications"], json!(["quota", "reports"]));
    assert_eq!(user["contact"]["email"], "new@b");
    let stale = put(&test, &caller, id_of(&user), &json!({"version":2})).await;
    assert!(matches!(stale, Err(Error::Stale { sent: 2, current: 3 })));
    let user = put(&test, &caller, id_of(&user), &json!({"version":3,"disable_after":null})).await.unwrap();
    assert_eq!(user["disable_after"], Value::Null);
    refuses(
        put(&test, &caller, id_of(&user), &json!({"version":4,"contact":{"nickname":"x"}})).await,
        "contact.nickname",
    );
    let now = json!({"version":4,"disable_after":"tomorrow"});
    refuses(put(&test, &caller, id_of(&user), &now).await, "disable_after");
}

#[tokio::test]
async fn an_activated_user_keeps_its_address_and_version_until_the_new_one_is_confirmed() {
    let test = TestApp::at(NOW).await;
    let (customer, caller) = customer_with_admin(&test).await;
    let id = id_of(&create(&test, &caller, customer, "jdoe").await.unwrap());
    let mut tx = test.app.write(&caller).await.unwrap();
    tx.run("UPDATE users SET activated = 1 WHERE id = $1", args![id]).await.unwrap();
    tx.commit().await.unwrap();
    let user = put(&test, &caller, id, &json!({"version":1,"contact":{"email":"new@b"}})).await.unwrap();
    assert_eq!((&user["version"], &user["contact"]["email"]), (&json!(1), &json!("jdoe@harbour.example")));
    let more = json!({"version":1,"contact":{"email":"new@b","firstname":"J"}});
    let user = put(&test, &caller, id, &more).await.unwrap();
    assert_eq!((&user["version"], &user["contact"]["email"]), (&json!(2), &json!("jdoe@harbour.example")));
    assert_eq!(user["contact"]["firstname"], "J");
}

#[tokio::test]
async fn users_are_found_below_and_nowhere_else() {
    let test = TestApp::at(NOW).await;
    let (customer, caller) = customer_with_admin(&test).await;
    let id = id_of(&create(&test, &caller, customer, "jdoe").await.unwrap());
    let elsewhere = test.tenant(test.top, TenantKind::Partner, "South").await;
    let foreign = test.caller(elsewhere, Role::PartnerAdmin).await;
    assert!(matches!(users::get(&test.app, &foreign, id, false).await, Err(Error::Forbidden)));
    assert!(matches!(create(&test, &foreign, customer, "other").await, Err(Error::Forbidden)));
    let viewer = test.caller(caller.tenant_id, Role::ReadonlyAdmin).await;
    users::get(&test.app, &viewer, id, false).await.unwrap();
    let refused = put(&test, &viewer, id, &json!({"version":1,"enabled":false})).await;
    assert!(matches!(refused, Err(Error::Forbidden)));
    let unknown = UserId(test.app.ids.other().unwrap());
    let missing = users::get(&test.app, &caller, unknown, false).await;
    assert!(matches!(missing, Err(Error::NotFound { what: "user" })));
}

#[tokio::test]
async fn a_user_is_disabled_before_it_is_deleted() {
    let test = TestApp::at(NOW).await;
    let (customer, caller) = customer_with_admin(&test).await;
    let id = id_of(&create(&test, &caller, customer, "jdoe").await.unwrap());
    breaks(users::delete(&test.app, &caller, id, 1).await, Rule::Business);
    put(&test, &caller, id, &json!({"version":1,"enabled":false})).await.unwrap();
    let stale = users::delete(&test.app, &caller, id, 1).await;
    assert!(matches!(stale, Err(Error::Stale { sent: 1, current: 2 })));
    test.clock.set(at("2026-05-10T00:00:00Z"));
    users::delete(&test.app, &caller, id, 2).await.unwrap();
    let user = shown(users::get(&test.app, &caller, id, true).await.unwrap());
    assert_eq!(user["deleted_at"], "2026-05-10T00:00:00Z");
    create(&test, &caller, customer, "jdoe").await.expect("the login is free again");
}

#[tokio::test]
async fn a_caller_sees_itself_a_client_in_the_shape_of_a_user() {
    let test = TestApp::at(NOW).await;
    let (customer, mut caller) = customer_with_admin(&test).await;
    let user = create(&test, &caller, customer, "jdoe").await.unwrap();
    let new = NewClient {
        client_type: ClientType::ApiClient,
        tenant_id: caller.tenant_id,
        auth_method: ClientAuthMethod::Basic,
        data: [("client_name".to_owned(), json!("Billing job"))].into_iter().collect(),
        redirect_uris: Vec::new(),
        origin_id: None,
    };
    let client = app::clients::create(&test.app, &caller, new).await.unwrap().client;
    caller.actor = Actor::Client(client.id);
    let me = users::me(&test.app, &caller).await.unwrap();
    assert!(matches!(me.myself, Myself::Client { .. }));
    let me = serde_json::to_value(CurrentUser::from(me)).unwrap();
    assert_eq!(me["id"], caller.actor.id().to_string());
    assert_eq!(me["login"], "Billing job");
    assert_eq!(me["tenant_id"], caller.tenant_id.to_string());
    caller.actor = Actor::User(id_of(&user));
    caller.tenant = test.no(customer).await;
    let me = serde_json::to_value(CurrentUser::from(users::me(&test.app, &caller).await.unwrap())).unwrap();
    let mut expected = user;
    expected["login_totp_time"] = Value::Null;
    expected["tenant_kind"] = json!("customer");
    expected["tenant_pricing_model"] = json!("trial");
    expected["brand_id"] = json!("03fa8bf4-28f2-11e7-ba28-cbe99c3c450a");
    assert_eq!(me, expected);
}

#[tokio::test]
async fn the_first_administrator_may_do_everything_at_the_top() {
    let test = TestApp::at(NOW).await;
    let caller = test.caller(test.top, Role::RootAdmin).await;
    let own = users::of_tenant(&test.app, &caller, test.top, &users::ListOptions::default()).await.unwrap();
    let user = users::get(&test.app, &caller, own[0], false).await.unwrap();
    assert_eq!((user.login.as_str(), user.activated, user.enabled), (users::FIRST_LOGIN, true, true));
    let policies = app::policies::get(&test.app, &caller, own[0]).await.unwrap().items;
    let held: Vec<_> = policies.iter().map(|policy| (policy.role, policy.tenant_id)).collect();
    assert_eq!(held, [(Role::RootAdmin, test.top)]);
}
