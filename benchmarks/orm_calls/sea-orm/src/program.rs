use sea_orm::entity::prelude::*;
use sea_orm::sea_query::Expr;
use sea_orm::{
    ActiveValue::Set, Database, DatabaseConnection, DbBackend, IsolationLevel, QuerySelect, Statement,
    TransactionTrait,
};

#[path = "../cases.rs"]
mod cases;

mod order {
    use sea_orm::entity::prelude::*;

    #[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
    #[sea_orm(table_name = "orders")]
    pub struct Model {
        #[sea_orm(primary_key, auto_increment = false)]
        pub id: i32,
        pub status: String,
        pub version: i32,
    }

    #[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
    pub enum Relation {
        #[sea_orm(has_many = "super::item::Entity")]
        Item,
    }

    impl Related<super::item::Entity> for Entity {
        fn to() -> RelationDef {
            Relation::Item.def()
        }
    }

    impl ActiveModelBehavior for ActiveModel {}
}

mod item {
    use sea_orm::entity::prelude::*;

    #[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
    #[sea_orm(table_name = "items")]
    pub struct Model {
        #[sea_orm(primary_key, auto_increment = false)]
        pub id: i32,
        pub order_id: Option<i32>,
    }

    #[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
    pub enum Relation {
        #[sea_orm(
            belongs_to = "super::order::Entity",
            from = "Column::OrderId",
            to = "super::order::Column::Id"
        )]
        Order,
    }

    impl Related<super::order::Entity> for Entity {
        fn to() -> RelationDef {
            Relation::Order.def()
        }
    }

    impl ActiveModelBehavior for ActiveModel {}
}

type Done = Result<(), Box<dyn std::error::Error>>;
const ID: i32 = 1;

async fn lock(db: &DatabaseConnection, id: i32) -> Done {
    CALL(lock)
    let _ = row;
    Ok(())
}

async fn conditional(db: &DatabaseConnection, id: i32) -> Done {
    CALL(conditional)
    Ok(())
}

async fn advisory(db: &DatabaseConnection, id: i32) -> Done {
    CALL(advisory)
    Ok(())
}

async fn serializable(db: &DatabaseConnection) -> Done {
    CALL(serializable)
    Ok(())
}

async fn now(db: &DatabaseConnection) -> order::Model {
    order::Entity::find_by_id(ID).one(db).await.unwrap().unwrap()
}

#[tokio::main(flavor = "current_thread")]
async fn main() {
    let db = &Database::connect(std::env::var("DATABASE_URL").unwrap()).await.unwrap();
    let raw = |text: String| async move { db.execute_unprepared(&text).await.unwrap() };
    raw(cases::marked("lock")).await;
    cases::tell("lock", lock(db, ID).await.map(|()| String::new()));
    raw(cases::marked("outside")).await;
    let outside = order::Entity::find().filter(order::Column::Id.eq(ID)).lock_exclusive().one(db).await;
    cases::tell("outside", outside.map(|_| String::new()).map_err(Into::into));
    raw(cases::marked("join")).await;
    let asked = order::Entity::find().find_also_related(item::Entity);
    let joined = asked.filter(order::Column::Id.eq(ID)).lock_exclusive().all(db).await;
    cases::tell("join", joined.map(|_| String::new()).map_err(Into::into));
    raw(cases::marked("refreshed")).await;
    let before = now(db).await;
    raw("UPDATE orders SET status = 'paid'".into()).await;
    let under = order::Entity::find_by_id(ID).lock_exclusive().one(db).await.unwrap().unwrap();
    cases::tell("refreshed", Ok(format!("loaded: {}, answered: {}", before.status, under.status)));
    raw(cases::marked("conditional")).await;
    conditional(db, ID).await.unwrap();
    cases::tell("conditional", Ok(cases::second(conditional(db, ID).await)));
    raw(cases::marked("stale")).await;
    let (one, other) = (now(db).await, now(db).await);
    let mut one: order::ActiveModel = one.into();
    (one.status, one.version) = (Set("paid".into()), Set(2));
    one.update(db).await.unwrap();
    let mut other: order::ActiveModel = other.into();
    other.status = Set("cancelled".into());
    other.update(db).await.unwrap();
    let after = now(db).await;
    cases::tell("stale", Ok(format!("not refused: {}, version {}", after.status, after.version)));
    raw(cases::marked("bulk")).await;
    let many = order::Entity::update_many().col_expr(order::Column::Status, Expr::value("paid"));
    many.filter(order::Column::Id.eq(ID)).exec(db).await.unwrap();
    cases::tell("bulk", Ok(format!("version {}", now(db).await.version)));
    raw(cases::marked("advisory")).await;
    cases::tell("advisory", advisory(db, ID).await.map(|()| String::new()));
    raw(cases::marked("serializable")).await;
    cases::tell("serializable", serializable(db).await.map(|()| String::new()));
    raw(cases::marked("end")).await;
}
