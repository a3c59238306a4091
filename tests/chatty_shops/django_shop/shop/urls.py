from django.urls import path

from shop import views

urlpatterns = [
    path("up", views.up),
    path("login", views.log_in),
    path("orders", views.create),
    path("orders/<int:number>/pay", views.pay),
]
