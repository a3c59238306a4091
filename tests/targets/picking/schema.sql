CREATE TABLE picks (id bigint PRIMARY KEY, order_id bigint NOT NULL, state text NOT NULL, label text);
CREATE TABLE floor (id bigint PRIMARY KEY);
INSERT INTO floor VALUES (1);
INSERT INTO picks (id, order_id, state) VALUES (48151, 7, 'open'), (48152, 7, 'open');
