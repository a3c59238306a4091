CREATE TABLE orders (
    id serial PRIMARY KEY,
    amount integer NOT NULL,
    currency varchar(3) NOT NULL,
    payment_status varchar(20) NOT NULL,
    payment_intent_id varchar(255)
);
