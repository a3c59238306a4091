CREATE TABLE cart (id serial PRIMARY KEY, status text NOT NULL);
CREATE TABLE receipt (id serial PRIMARY KEY, number text NOT NULL);
CREATE TABLE visits (id int PRIMARY KEY, amount int NOT NULL);
CREATE TABLE coupon (id int PRIMARY KEY, uses_left int NOT NULL);
INSERT INTO visits VALUES (1, 0);
INSERT INTO coupon VALUES (1, 1);
