const { EntitySchema } = require("typeorm");

const id = { type: Number, primary: true, generated: true };
const many = (target) => ({ target, type: "many-to-one", joinColumn: true, nullable: false });

const entity = (name, columns, relations = {}) =>
  new EntitySchema({ name, tableName: name.toLowerCase(), columns: { id, ...columns }, relations });

module.exports = [
  entity("Setting", { name: { type: String, unique: true }, value: { type: String } }),
  entity("Flag", { name: { type: String, unique: true }, on: { type: Boolean } }),
  entity("Customer", { email: { type: String, unique: true }, tier: { type: String } }),
  entity("Session", { token: { type: String, unique: true }, seen: { type: Number, default: 0 } }, {
    customer: many("Customer"),
  }),
  entity("Concert", { title: { type: String }, hall: { type: String } }),
  entity("Category", { name: { type: String }, price: { type: Number } }, {
    concert: many("Concert"),
  }),
  entity("Fee", { name: { type: String }, amount: { type: Number } }, {
    category: many("Category"),
  }),
  entity("Voucher", { code: { type: String, unique: true }, left: { type: Number }, off: { type: Number } }),
  entity("Booking", { status: { type: String, default: "open" }, total: { type: Number, default: 0 } }, {
    customer: many("Customer"),
    tickets: { target: "Ticket", type: "one-to-many", inverseSide: "booking" },
  }),
  entity("Ticket", { price: { type: Number, default: 0 } }, {
    booking: { ...many("Booking"), inverseSide: "tickets" },
    category: many("Category"),
  }),
  entity("Redemption", {}, { voucher: many("Voucher"), booking: many("Booking") }),
  entity("Payment", { intent: { type: String, unique: true }, amount: { type: Number } }, {
    booking: many("Booking"),
  }),
  entity("Log", { what: { type: String } }, {
    customer: { ...many("Customer"), nullable: true },
  }),
];
