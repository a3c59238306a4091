use diesel::prelude::*;
use diesel::result::Error;
use diesel::sql_types::Text;

#[path = "../cases.rs"]
mod cases;

diesel::table! {
    orders (id) {
        id -> Integer,
        status -> Text,
        version -> Integer,
    }
}
diesel::table! {
    items (id) {
        id -> Integer,
        order_id -> Nullable<Integer>,
    }
}
diesel::joinable!(items -> orders (order_id));
diesel::allow_tables_to_appear_in_same_query!(orders, items);

#[allow(dead_code)]
#[derive(Queryable, Selectable)]
#[diesel(table_name = orders)]
struct Order {
    id: i32,
    status: String,
    version: i32,
}

#[derive(AsChangeset)]
#[diesel(table_name = orders)]
struct Saved {
    status: String,
    version: i32,
}

type Done = Result<(), Box<dyn std::error::Error>>;
const ID: i32 = 1;

fn lock(connection: &mut PgConnection, id: i32) -> Done {
    CALL(lock)
    Ok(())
}

fn conditional(connection: &mut PgConnection, id: i32) -> Done {
    CALL(conditional)
    Ok(())
}

fn advisory(connection: &mut PgConnection, id: i32) -> Done {
    CALL(advisory)
    Ok(())
}

fn serializable(connection: &mut PgConnection) -> Done {
    CALL(serializable)
    Ok(())
}

fn now(connection: &mut PgConnection) -> Order {
    orders::table.find(ID).select(Order::as_select()).first(connection).unwrap()
}

fn main() {
    let mut connection = PgConnection::establish(&std::env::var("DATABASE_URL").unwrap()).unwrap();
    let it = &mut connection;
    let raw = |it: &mut PgConnection, text: &str| {
        diesel::sql_query(text).execute(it).unwrap();
    };
    let mark = |it: &mut PgConnection, name: &str| raw(it, &cases::marked(name));
    mark(it, "lock");
    cases::tell("lock", lock(it, ID).map(|()| String::new()));
    mark(it, "outside");
    let outside: Result<Order, _> = orders::table.filter(orders::id.eq(ID)).for_update().first(it);
    cases::tell("outside", outside.map(|_| String::new()).map_err(Into::into));
    mark(it, "join");
    let joined: Result<Vec<i32>, _> =
        orders::table.left_join(items::table).select(orders::id).for_update().load(it);
    cases::tell("join", joined.map(|_| String::new()).map_err(Into::into));
    mark(it, "refreshed");
    let before = now(it).status;
    raw(it, "UPDATE orders SET status = 'paid'");
    let under: Order = orders::table.find(ID).for_update().first(it).unwrap();
    cases::tell("refreshed", Ok(format!("loaded: {before}, answered: {}", under.status)));
    mark(it, "conditional");
    conditional(it, ID).unwrap();
    cases::tell("conditional", Ok(cases::second(conditional(it, ID))));
    mark(it, "stale");
    let (_one, other) = (now(it), now(it));
    let paid = Saved { status: "paid".into(), version: 2 };
    diesel::update(orders::table.find(ID)).set(&paid).execute(it).unwrap();
    let stale = Saved { status: "cancelled".into(), version: other.version };
    diesel::update(orders::table.find(ID)).set(&stale).execute(it).unwrap();
    let after = now(it);
    cases::tell("stale", Ok(format!("not refused: {}, version {}", after.status, after.version)));
    mark(it, "bulk");
    diesel::update(orders::table.find(ID)).set(orders::status.eq("paid")).execute(it).unwrap();
    cases::tell("bulk", Ok(format!("version {}", now(it).version)));
    mark(it, "advisory");
    cases::tell("advisory", advisory(it, ID).map(|()| String::new()));
    mark(it, "serializable");
    cases::tell("serializable", serializable(it).map(|()| String::new()));
    mark(it, "end");
}
